-- The few touches that say themselves how long they count: mart.channel_performance asks for the longest.
create index touch_lookback on core.touch (store_id, lookback_days) where lookback_days > 0;

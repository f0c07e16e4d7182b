-- One grouping function decides the channel of spend and of touches alike: ops.channel.
-- The source list behind it is the one of Google's default channel grouping, from Velir/dbt-ga4
-- seeds/ga4_source_categories.csv (MIT, see NOTICE).
create table ops.source_category (
    source text primary key,
    category text not null check (category in ('search', 'shopping', 'social', 'video'))
);

insert into ops.source_category select source, 'search' from unnest(string_to_array(replace($$
360.cn|alice|aol|ar.search.yahoo.com|ask|at.search.yahoo.com|au.search.yahoo.com|auone|avg|babylon|baidu
|biglobe|biglobe.co.jp|biglobe.ne.jp|bing|br.search.yahoo.com|ca.search.yahoo.com|centrum.cz
|ch.search.yahoo.com|cl.search.yahoo.com|cn.bing.com|cnn|co.search.yahoo.com|comcast|conduit|daum|daum.net
|de.search.yahoo.com|dk.search.yahoo.com|dogpile|dogpile.com|duckduckgo|ecosia.org|email.seznam.cz|eniro
|es.search.yahoo.com|espanol.search.yahoo.com|exalead.com|excite.com|fi.search.yahoo.com|firmy.cz
|fr.search.yahoo.com|globo|go.mail.ru|google|google-play|hk.search.yahoo.com|id.search.yahoo.com
|in.search.yahoo.com|incredimail|it.search.yahoo.com|kvasir|lens.google.com|lite.qwant.com|lycos|m.baidu.com
|m.naver.com|m.search.naver.com|m.sogou.com|mail.rambler.ru|mail.yandex.ru|malaysia.search.yahoo.com|msn
|msn.com|mx.search.yahoo.com|najdi|naver|naver.com|news.google.com|nl.search.yahoo.com|no.search.yahoo.com
|ntp.msn.com|nz.search.yahoo.com|onet|onet.pl|pe.search.yahoo.com|ph.search.yahoo.com|pl.search.yahoo.com
|play.google.com|qwant|qwant.com|rakuten|rakuten.co.jp|rambler|rambler.ru|se.search.yahoo.com|search-results
|search.aol.co.uk|search.aol.com|search.google.com|search.smt.docomo.ne.jp|search.ukr.net|secureurl.ukr.net
|seznam|seznam.cz|sg.search.yahoo.com|so.com|sogou|sogou.com|sp-web.search.auone.jp|startsiden|startsiden.no
|suche.aol.de|terra|th.search.yahoo.com|tr.search.yahoo.com|tut.by|tw.search.yahoo.com|uk.search.yahoo.com|ukr
|us.search.yahoo.com|virgilio|vn.search.yahoo.com|wap.sogou.com|webmaster.yandex.ru|websearch.rakuten.co.jp
|yahoo|yahoo.co.jp|yahoo.com|yandex|yandex.by|yandex.com|yandex.com.tr|yandex.fr|yandex.kz|yandex.ru|yandex.ua
|yandex.uz|zen.yandex.ru$$, e'\n', ''), '|')) as source;

insert into ops.source_category select source, 'social' from unnest(string_to_array(replace($$
43things|43things.com|51.com|5ch.net|academia.edu|activerain|activerain.com|activeworlds|activeworlds.com
|addthis|addthis.com|airg.ca|allnurses.com|allrecipes.com|alumniclass|alumniclass.com|ameba.jp|ameblo.jp
|americantowns|americantowns.com|amp.reddit.com|ancestry.com|anobii|anobii.com|answerbag|answerbag.com
|answers.yahoo.com|aolanswers|aolanswers.com|apps.facebook.com|ar.pinterest.com|artstation.com|askubuntu
|askubuntu.com|asmallworld.com|athlinks|athlinks.com|away.vk.com|awe.sm|b.hatena.ne.jp|baby-gaga|baby-gaga.com
|babyblog.ru|badoo|badoo.com|bebo|bebo.com|beforeitsnews|beforeitsnews.com|bharatstudent|bharatstudent.com
|biip.no|biswap.org|bit.ly|blackcareernetwork.com|blackplanet|blackplanet.com|blip.fm|blog.com
|blog.feedspot.com|blog.goo.ne.jp|blog.naver.com|blog.yahoo.co.jp|blogg.no|bloggang.com|blogger|blogger.com
|blogher|blogher.com|bloglines|bloglines.com|blogs.com|blogsome|blogsome.com|blogspot|blogspot.com|blogster
|blogster.com|blurtit|blurtit.com|bookmarks.yahoo.co.jp|bookmarks.yahoo.com|br.pinterest.com|brightkite
|brightkite.com|brizzly|brizzly.com|business.facebook.com|buzzfeed|buzzfeed.com|buzznet|buzznet.com
|cafe.naver.com|cafemom|cafemom.com|camospace|camospace.com|canalblog.com|care.com|care2|care2.com
|caringbridge.org|catster|catster.com|cbnt.io|cellufun|cellufun.com|centerblog.net|chat.zalo.me|chegg.com
|chicagonow|chicagonow.com|chiebukuro.yahoo.co.jp|classmates|classmates.com|classquest|classquest.com
|co.pinterest.com|cocolog-nifty|cocolog-nifty.com|copainsdavant.linternaute.com|couchsurfing.org|cozycot
|cozycot.com|cross.tv|crunchyroll|crunchyroll.com|cyworld|cyworld.com|cz.pinterest.com|d.hatena.ne.jp
|dailystrength.org|deluxe.com|deviantart|deviantart.com|dianping|dianping.com|digg|digg.com|diigo|diigo.com
|discover.hubpages.com|disqus|disqus.com|dogster|dogster.com|dol2day|dol2day.com|doostang|doostang.com|dopplr
|dopplr.com|douban|douban.com|draft.blogger.com|draugiem.lv|drugs-forum|drugs-forum.com|dzone|dzone.com
|edublogs.org|elftown|elftown.com|epicurious.com|everforo.com|exblog.jp|extole|extole.com|facebook|facebook.com
|faceparty|faceparty.com|fandom.com|fanpop|fanpop.com|fark|fark.com|fb|fb.me|fc2|fc2.com|feedspot|feministing
|feministing.com|filmaffinity|filmaffinity.com|flickr|flickr.com|flipboard|flipboard.com|folkdirect
|folkdirect.com|foodservice|foodservice.com|forums.androidcentral.com|forums.crackberry.com|forums.imore.com
|forums.nexopia.com|forums.webosnation.com|forums.wpcentral.com|fotki|fotki.com|fotolog|fotolog.com|foursquare
|foursquare.com|free.facebook.com|friendfeed|friendfeed.com|fruehstueckstreff.org|fubar|fubar.com|gaiaonline
|gaiaonline.com|gamerdna|gamerdna.com|gather.com|geni.com|getpocket.com|glassboard|glassboard.com|glassdoor
|glassdoor.com|godtube|godtube.com|goldenline.pl|goldstar|goldstar.com|goo.gl|gooblog|goodreads|goodreads.com
|google+|googlegroups.com|googleplus|govloop|govloop.com|gowalla|gowalla.com|gree.jp|groups.google.com
|gulli.com|gutefrage.net|habbo|habbo.com|hatena|hi5|hi5.com|hootsuite|hootsuite.com|houzz|houzz.com|hoverspot
|hoverspot.com|hr.com|hu.pinterest.com|hubculture|hubculture.com|hubpages.com|hyves.net|hyves.nl|ibibo
|ibibo.com|id.pinterest.com|identi.ca|ig|imageshack|imageshack.com|imageshack.us|imvu|imvu.com|in.pinterest.com
|insanejournal|insanejournal.com|instagram|instagram.com|instapaper|instapaper.com|internations.org
|interpals.net|intherooms|intherooms.com|irc-galleria.net|is.gd|italki|italki.com|jammerdirect|jammerdirect.com
|jappy.com|jappy.de|kaboodle.com|kakao|kakao.com|kakaocorp.com|kaneva|kaneva.com|kin.naver.com|l.facebook.com
|l.instagram.com|l.messenger.com|last.fm|librarything|librarything.com|lifestream.aol.com|line|line.me|linkedin
|linkedin.com|listal|listal.com|listography|listography.com|livedoor.com|livedoorblog|livejournal
|livejournal.com|lm.facebook.com|lnkd.in|m.blog.naver.com|m.cafe.naver.com|m.facebook.com|m.kin.naver.com
|m.vk.com|m.yelp.com|mbga.jp|medium.com|meetin.org|meetup|meetup.com|meinvz.net|meneame.net|menuism.com
|messages.google.com|messages.yahoo.co.jp|messenger|messenger.com|meta|mix.com|mixi.jp|mobile.facebook.com
|mocospace|mocospace.com|mouthshut|mouthshut.com|movabletype|movabletype.com|mubi|mubi.com|my.opera.com
|myanimelist.net|myheritage|myheritage.com|mylife|mylife.com|mymodernmet|mymodernmet.com|myspace|myspace.com
|netvibes|netvibes.com|news.ycombinator.com|newsshowcase|nexopia|ngopost.org|niconico|nicovideo.jp
|nightlifelink|nightlifelink.com|ning|ning.com|nl.pinterest.com|odnoklassniki.ru|odnoklassniki.ua|okwave.jp
|old.reddit.com|oneworldgroup.org|onstartups|onstartups.com|opendiary|opendiary.com|oshiete.goo.ne.jp
|out.reddit.com|over-blog.com|overblog.com|paper.li|partyflock.nl|photobucket|photobucket.com|pinboard
|pinboard.in|pingsta|pingsta.com|pinterest|pinterest.at|pinterest.ca|pinterest.ch|pinterest.cl|pinterest.co.kr
|pinterest.co.uk|pinterest.com|pinterest.com.au|pinterest.com.mx|pinterest.de|pinterest.es|pinterest.fr
|pinterest.it|pinterest.jp|pinterest.nz|pinterest.ph|pinterest.pt|pinterest.ru|pinterest.se|pixiv.net
|pl.pinterest.com|playahead.se|plurk|plurk.com|plus.google.com|plus.url.google.com|pocket.co|posterous
|posterous.com|pro.homeadvisor.com|pulse.yahoo.com|qapacity|qapacity.com|quechup|quechup.com|quora|quora.com
|qzone.qq.com|ravelry|ravelry.com|reddit|reddit.com|redux|redux.com|renren|renren.com|researchgate.net|reunion
|reunion.com|reverbnation|reverbnation.com|rtl.de|ryze|ryze.com|salespider|salespider.com|scoop.it|screenrant
|screenrant.com|scribd|scribd.com|scvngr|scvngr.com|secondlife|secondlife.com|serverfault|serverfault.com
|shareit|sharethis|sharethis.com|shvoong.com|sites.google.com|skype|skyrock|skyrock.com|slashdot.org
|slideshare.net|smartnews.com|snapchat|snapchat.com|social|sociallife.com.br|socialvibe|socialvibe.com
|spaces.live.com|spoke|spoke.com|spruz|spruz.com|ssense.com|stackapps|stackapps.com|stackexchange
|stackexchange.com|stackoverflow|stackoverflow.com|stardoll.com|stickam|stickam.com|studivz.net|suomi24.fi
|superuser|superuser.com|sweeva|sweeva.com|t.co|t.me|tagged|tagged.com|taggedmail|taggedmail.com|talkbiznow
|talkbiznow.com|taringa.net|techmeme|techmeme.com|tencent|tencent.com|threads.net|tiktok|tiktok.com|tinyurl
|tinyurl.com|toolbox|toolbox.com|touch.facebook.com|tr.pinterest.com|travellerspoint|travellerspoint.com
|tripadvisor|tripadvisor.com|trombi|trombi.com|trustpilot|tudou|tudou.com|tuenti|tuenti.com|tumblr|tumblr.com
|tweetdeck|tweetdeck.com|twitter|twitter.com|twoo.com|typepad|typepad.com|unblog.fr|urbanspoon.com|ushareit.com
|ushi.cn|vampirefreaks|vampirefreaks.com|vampirerave|vampirerave.com|vg.no|video.ibm.com|vk.com|vkontakte.ru
|wakoopa|wakoopa.com|wattpad|wattpad.com|web.facebook.com|web.skype.com|webshots|webshots.com|wechat|wechat.com
|weebly|weebly.com|weibo|weibo.com|wer-weiss-was.de|weread|weread.com|whatsapp|whatsapp.com|wiki.answers.com
|wikihow.com|wikitravel.org|woot.com|wordpress|wordpress.com|wordpress.org|x.com|xanga|xanga.com|xing|xing.com
|yahoo-mbga.jp|yammer|yammer.com|yelp|yelp.co.uk|yelp.com|youroom.in|za.pinterest.com|zalo|zoo.gr|zooppa
|zooppa.com$$, e'\n', ''), '|')) as source;

insert into ops.source_category select source, 'shopping' from unnest(string_to_array(replace($$
aax-us-east.amazon-adsystem.com|aax.amazon-adsystem.com|alibaba|alibaba.com|amazon|amazon.co.uk|amazon.com
|apps.shopify.com|checkout.shopify.com|checkout.stripe.com|cr.shopping.naver.com|cr2.shopping.naver.com|ebay
|ebay.co.uk|ebay.com|ebay.com.au|ebay.de|etsy|etsy.com|google shopping|igshopping|m.alibaba.com
|m.shopping.naver.com|mercadolibre|mercadolibre.com|mercadolibre.com.ar|mercadolibre.com.mx|message.alibaba.com
|msearch.shopping.naver.com|nl.shopping.net|no.shopping.net|offer.alibaba.com|one.walmart.com
|order.shopping.yahoo.co.jp|partners.shopify.com|s3.amazonaws.com|se.shopping.net|shop.app|shopify|shopify.com
|shopping.naver.com|shopping.yahoo.co.jp|shopping.yahoo.com|shopzilla|shopzilla.com|simplycodes.com
|store.shopping.yahoo.co.jp|stripe|stripe.com|uk.shopping.net|walmart|walmart.com$$, e'\n', ''), '|')) as source;

insert into ops.source_category select source, 'video' from unnest(string_to_array(replace($$
blog.twitch.tv|crackle|crackle.com|curiositystream|curiositystream.com|d.tube|dailymotion|dailymotion.com
|dashboard.twitch.tv|disneyplus|disneyplus.com|fast.wistia.net|help.hulu.com|help.netflix.com|hulu|hulu.com
|id.twitch.tv|iq.com|iqiyi|iqiyi.com|jobs.netflix.com|justin.tv|m.twitch.tv|m.youtube.com|music.youtube.com
|netflix|netflix.com|player.twitch.tv|player.vimeo.com|ted|ted.com|twitch|twitch.tv|utreon|utreon.com|veoh
|veoh.com|viadeo.journaldunet.com|vimeo|vimeo.com|wistia|wistia.com|youku|youku.com|youtube|youtube.com$$, e'\n', ''), '|')) as source;


-- Other spellings of a source, after normalising: people edit this table.
create table ops.source_alias (
    alias text primary key,
    source text not null
);
insert into ops.source_alias values
('fb', 'facebook'), ('facebook.com', 'facebook'), ('face book', 'facebook'), ('facebook_ads', 'facebook'),
('ig', 'instagram'), ('instagram.com', 'instagram'), ('insta', 'instagram'),
('meta', 'facebook'), ('meta_ads', 'facebook'),
('tik tok', 'tiktok'), ('tiktok.com', 'tiktok'), ('tiktok_ads', 'tiktok'), ('tt', 'tiktok'),
('google.com', 'google'), ('google_ads', 'google'), ('googleads', 'google'), ('adwords', 'google'),
('bing.com', 'bing'), ('duckduckgo.com', 'duckduckgo'), ('yahoo.com', 'yahoo'),
('youtube.com', 'youtube'), ('youtu.be', 'youtube'), ('t.co', 'twitter'), ('twitter.com', 'twitter'),
('x.com', 'twitter'), ('pinterest.com', 'pinterest'), ('pin.it', 'pinterest'),
('linkedin.com', 'linkedin'), ('lnkd.in', 'linkedin'), ('snapchat.com', 'snapchat'),
('reddit.com', 'reddit'), ('(direct)', 'direct');

-- Text as people mean it: lower case, trimmed, plus signs and %20 as spaces, '' for a placeholder.
-- What GA4 withholds ('<other>', '(data deleted)') stays as it is: it is unknown, not direct.
create function ops.normalise_term(term text) returns text language plpgsql immutable parallel safe as $$
declare
    t text := lower(btrim(coalesce(term, '')));
begin
    if t ~ '[+%\s]' then
        t := btrim(regexp_replace(replace(replace(t, '+', ' '), '%20', ' '), '\s+', ' ', 'g'));
    end if;
    if t in (
        '(not set)', '(none)', 'none', 'null', 'undefined', '(not provided)', 'n/a', 'nan', '-',
        '(direct)', '(organic)', '(referral)'
    ) then
        return '';
    end if;
    return t;
end $$;

-- A source: normalised, an address cut to its host, without www. and mobile or link-shim prefixes or a
-- country's ending of the big ones (google.de), aliases resolved.
create function ops.normalise_source(term text) returns text language plpgsql stable parallel safe as $$
declare
    host text := ops.normalise_term(term);
    known text;
begin
    if host = '' then
        return case when lower(btrim(term)) = '(direct)' then 'direct' else '' end;
    end if;
    if host like '%.%' then
        host := regexp_replace(host, '^https?://([^/?#]*).*$', '\1');
        host := regexp_replace(host, '^(www|m|mobile|l|lm|out)\.(?=[^.]+\.)', '');
        host := regexp_replace(host, '^(google|bing|yahoo|amazon|ebay)\.(com?\.)?[a-z]{2,3}$', '\1');
    end if;
    select a.source into known from ops.source_alias as a where a.alias = host;
    return coalesce(known, host);
end $$;

-- The channel of a normalised (source, medium, campaign), '' for absent: a hint the file states; the
-- store's rules, then everybody's; a medium that says e-mail, affiliate, influencer or SMS; click ids,
-- which outrank the referrer; then GA4's default channel grouping, with these differences: a campaign's
-- name makes paid traffic shopping, never organic traffic; cross-network is paid_other; push and audio
-- are other.
create function ops.channel(
    of_store text, of_source text, of_medium text, of_campaign text, click_id text, hint text
) returns text language plpgsql stable parallel safe as $$
declare
    kind text;
    found_channel text;
    has_rules boolean;
    paid boolean;
    shopping boolean;
begin
    if btrim(coalesce(hint, '')) <> '' then
        return btrim(hint);
    end if;
    -- One query a row: starting one costs more than all the rest of this function.
    select
        (select s.category from ops.source_category as s where s.source = of_source),
        exists (select from ops.channel_rule)
    into kind, has_rules;
    if has_rules then
        select r.channel into found_channel from ops.channel_rule as r
        where r.store_id in (of_store, '') and of_source ~* r.source_pattern
            and of_medium ~* r.medium_pattern and of_campaign ~* r.campaign_pattern
        order by r.store_id desc, r.priority limit 1;
        if found_channel is not null then
            return found_channel;
        end if;
    end if;
    found_channel := case
        when of_medium in ('email', 'e-mail', 'e_mail', 'e mail') then 'email'
        when of_medium in ('affiliate', 'affiliates') then 'affiliate'
        when of_medium in ('influencer', 'creator', 'creators') then 'influencer'
        when of_medium = 'sms' then 'sms'
    end;
    if found_channel is not null then
        return found_channel;
    end if;
    paid := of_medium ~ '^(.*cp.*|ppc|retargeting|paid.*)$';
    shopping := kind = 'shopping' or of_campaign ~ '(^|[^a-df-z])shop|shopping';
    if click_id in ('gclid', 'gbraid', 'wbraid', 'msclkid', 'yclid') then
        return case
            when of_medium in ('display', 'banner', 'expandable', 'interstitial', 'cpm') then 'display'
            when of_campaign like '%cross-network%' then 'paid_other'
            when kind = 'video' then 'paid_video'
            when shopping then 'paid_shopping'
            else 'paid_search'
        end;
    elsif click_id = 'dclid' then
        return 'display';
    elsif click_id in ('ttclid', 'twclid', 'li_fat_id', 'sccid', 'epik', 'rdt_cid') then
        return 'paid_social';
    elsif click_id = 'srsltid' and not paid then
        return 'organic_shopping';
    elsif click_id = 'fbclid' then
        kind := 'social'; -- on ads and posts alike: the medium tells them apart
    end if;
    if paid then
        return case
            when of_campaign like '%cross-network%' then 'paid_other'
            when shopping then 'paid_shopping'
            when kind = 'search' then 'paid_search'
            when kind = 'social' or of_medium ~ '^paid[ _-]?social$' then 'paid_social'
            when kind = 'video' then 'paid_video'
            when of_medium ~ '^paid[ _-]?search$' then 'paid_search'
            when of_medium = 'cpm' then 'display'
            else 'paid_other'
        end;
    end if;
    return case
        when of_source in ('email', 'e-mail', 'newsletter') then 'email'
        when of_source = 'sms' then 'sms'
        when of_medium in ('display', 'banner', 'expandable', 'interstitial') then 'display'
        when kind = 'shopping' then 'organic_shopping'
        when kind = 'social' or of_medium ~ '^((organic[ _-]?)?social([ _-](network|media))?|sm)$'
            then 'organic_social'
        when kind = 'video' or of_medium ~ 'video' then 'organic_video'
        when kind = 'search' or of_medium = 'organic' then 'organic_search'
        when of_medium in ('referral', 'app', 'link') then 'referral'
        when of_source = 'direct' or (of_source = '' and of_medium = '') then 'direct'
        when of_medium = '' and of_source like '%.%' then 'referral'
        else 'other'
    end;
end $$;

-- A pattern that is no regular expression is refused when it is entered, not when unify runs.
alter table ops.channel_rule add constraint channel_rule_patterns check (
    ('' ~* source_pattern) is not null
    and ('' ~* medium_pattern) is not null
    and ('' ~* campaign_pattern) is not null
);

comment on function ops.channel is
'Marketing channel of a normalised source, medium and campaign; one for spend and touches alike.';
comment on function ops.normalise_source is 'Traffic source in one spelling: fb, Facebook, l.facebook.com.';
comment on function ops.normalise_term is 'Medium or campaign in one spelling; '''' for placeholders.';
comment on table ops.channel_rule is
'Your own channels: for a store ('''' for all) the first rule by priority whose three case-insensitive '
'regular expressions match normalised source, medium and campaign. Outranks everything but a channel '
'that a file states. Rows already unified keep their channel until their day is built again.';
comment on table ops.source_alias is 'Other spellings of a source; add your own.';
comment on table ops.source_category is 'Kind of known sources: search, shopping, social, video.';

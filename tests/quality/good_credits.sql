-- Credits of that run: conversion 101 has two touches, 102 one, 103 none.
insert into work.credit_set values ('shop', 'set', 'purchase', 'hash', '{}', 0);
insert into work.credit_pointer values ('shop', 'purchase', 'set');
insert into work.credit_scope select 'shop', 'set', conversion_id from work.conversion;
insert into work.touch
select
    'shop', 301, 'files', 'drop', 'visit', '2026-08-02 08:00+02', '2026-08-02', 'customer:1', 'x', '', '',
    'x', '', '', '', 'referral', '', '', null, '2026-08-02', 1;
insert into work.credit
select
    'shop', 'set', c.conversion_id, c.touch_id, v.conversion_day, t.touch_day, 'EUR', c.share, c.share,
    c.share, c.share, c.share, c.share, c.amount, c.amount, c.amount, c.amount, c.amount, c.amount, 0,
    c.share, c.share, c.share, c.share, c.amount, c.amount, c.amount, c.amount, ''
from (
    values (101, 201, 0.3, 22.5), (101, 301, 0.7, 52.5), (102, 202, 1, 75), (103, 0, 1, 57)
) as c (conversion_id, touch_id, share, amount)
join work.conversion as v on v.conversion_id = c.conversion_id
left join work.touch as t on t.touch_id = c.touch_id;

-- Decimal places of a currency (ISO 4217): USD 2, JPY 0, KWD 3. The same list as tributary.money.
create function ops.minor_unit(currency_code text) returns int language sql immutable parallel safe as $$
    select case
        when currency_code in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
            'VUV', 'XAF', 'XOF', 'XPF') then 0
        when currency_code in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
        else 2
    end
$$;

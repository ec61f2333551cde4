-- One expression a line over the columns of the table `edges`; files like this one can be added freely.
UPPER(s)
i + 1
b * 2
x / 3
CAST(n AS STRING)
TRY_CAST(n AS INT)
JSON_VALUE(j, '$.a')
DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm')
CASE WHEN f THEN s ELSE u END

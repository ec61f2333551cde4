y + y
y + w
i + 1
b + i
b * 2
i * i
i / 3
b / 7
i % 4
b % 10
MOD(i, 7)
x + 1
x - h
x * x
x / 3
x / x
h * 2
h / 3
x % 2
d + 1
d * x
d / 3
-i
-y
-x
-d
ABS(i)
ABS(x)
ABS(d)
ABS(y)
SIGN(i)
SIGN(x)
SIGN(d)
FLOOR(x)
CEIL(x)
FLOOR(d)
CEILING(d)
FLOOR(i)
ROUND(x, 1)
ROUND(x)
ROUND(x, -1)
ROUND(d, 2)
ROUND(i, -1)
ROUND(h, 3)
ROUND(b, -2)
TRUNCATE(x, 1)
TRUNCATE(x)
TRUNCATE(i, -1)
TRUNCATE(h, 2)
POWER(i, 2)
POWER(ABS(x), 0.5)
EXP(y)
LN(ABS(x) + 1)
SIN(x)
COS(x)
TAN(x)
ASIN(x / 100000000)
ACOS(x / 100000000)
ATAN(x)
SINH(y / 10.0)
COSH(y / 10.0)
TANH(x)
COT(x + 0.5)
DEGREES(x)
RADIANS(x)
PI()
E()
GREATEST(i, w, y)
GREATEST(s, u)
GREATEST(d, i)
CASE WHEN i > 0 THEN x ELSE i END
COALESCE(x, i, 0)
COALESCE(d, i)
NULLIF(i, 7)
NULLIF(x, 0)
IF(i > 0, i, b)
IF(f, s, u)
IFNULL(s, 'none')
CASE i WHEN 1 THEN 'one' WHEN 7 THEN 'seven' ELSE 'many' END
i = x
i < d
b > d
x <> h
s = u
s < u
i IS DISTINCT FROM y
i IS NOT DISTINCT FROM w
i BETWEEN y AND w
i BETWEEN SYMMETRIC 10 AND -10
i NOT BETWEEN 1 AND 5
i IN (1, 7, 100)
i IN (1, NULL)
i NOT IN (y, 5)
s IN ('A', 'aaa', u)
f AND i > 0
f OR i > 0
NOT f
f IS TRUE
f IS NOT FALSE
f IS UNKNOWN
r.a + 1
r.t || 'x'
CARDINALITY(ARRAY[i, 2])
ARRAY[i, 2, NULL][1]
ARRAY[s, u][2]
MAP['a', i]['a']
ATAN2(d, d)
LEAST(i, w)
SQRT(ABS(w))
LOG10(ABS(w) + 1)
LOG2(ABS(w) + 1)
LOG(2, ABS(w) + 1)
d * w / 1e300
ROUND(d, -1)
TRUNCATE(d, 2)
x * h
h / h
GREATEST(x, 0.5)
b IN (1, 2147483648, 7)
x IN (0, 1.5, 7)

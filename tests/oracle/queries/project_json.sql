-- Values out of a JSON text.
SELECT id, JSON_VALUE(cart, '$.coupon') AS coupon, JSON_VALUE(cart, '$.items[0].sku') AS first_item,
  JSON_VALUE(cart, '$.total' RETURNING INTEGER) AS total, JSON_EXISTS(cart, '$.items[1]') AS several
FROM clicks

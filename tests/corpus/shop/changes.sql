UPDATE order_items SET quantity = quantity + 1 WHERE product_id = 3;
UPDATE users SET deleted_at = NULL, tier = 'gold' WHERE id IN (7, 8);
BEGIN; DELETE FROM order_items WHERE order_id = 5; DELETE FROM orders WHERE id = 5; INSERT INTO product_tags VALUES (1, 1); COMMIT;

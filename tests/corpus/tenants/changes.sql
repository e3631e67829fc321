UPDATE accounts SET name = 'Account', manager = 2 WHERE no = 3;
BEGIN; UPDATE payments SET amount = amount + 1 WHERE tenant = 2; DELETE FROM settings WHERE key = 'mail'; COMMIT;
UPDATE tenants SET plan = 'pro' WHERE id = 2;

UPDATE concerts SET cancelled = true WHERE id IN (3, 4);
BEGIN; UPDATE lineup SET slot = 9 WHERE artist_id = 2; UPDATE tickets SET scanned = true WHERE concert_id = 7; COMMIT;
DELETE FROM tickets WHERE id > 50;

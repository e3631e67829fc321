UPDATE rooms SET rate = rate * 2, kind = 'suite' WHERE number = '102';
UPDATE stays SET guest_id = 1, nights = nights + 1 WHERE id < 10;
BEGIN; DELETE FROM reviews WHERE score < 2; UPDATE hotels SET lat = NULL WHERE id = 3; COMMIT;

UPDATE cities SET people = people * 2, lat = 45 WHERE id % 5 = 0;
BEGIN; UPDATE names SET name = 'Other' WHERE lang = 'en'; DELETE FROM roads WHERE km > 250; COMMIT;
UPDATE countries SET area = 1, languages = '[]' WHERE code = 'xx';

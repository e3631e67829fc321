UPDATE stock.levels SET pieces = 0 WHERE variant_id % 5 = 0;
UPDATE categories SET name = 'Hardware', parent_id = 2 WHERE id = 4;
BEGIN; UPDATE variants SET article_id = 9 WHERE id < 4; DELETE FROM ratings WHERE voter = 6; UPDATE facets SET value = 'wool' WHERE article_id = 1; COMMIT;

UPDATE loans SET back = '2024-12-01' WHERE back IS NULL AND id % 2 = 0;
BEGIN; UPDATE books SET title = title || '!' WHERE year < 1970; DELETE FROM book_writers WHERE writer_id = 2; COMMIT;
UPDATE copies SET isbn = '978-1' WHERE id < 6;

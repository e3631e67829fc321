create table rooms (tenant text, no int, name text, next_no int, closed boolean, why text, primary key (tenant, no));
create table beds (tenant text, id int, room_no bigint, name text, rank int, price numeric(6,2), primary key (tenant, id));
create table tags (id int primary key, name text, hidden boolean not null);
create table room_tags (tenant text, no int, tag int);
insert into rooms values
  ('a:b', 1, 'One', 2, false, null), ('a:b', 2, 'Two', 2, true, null), ('a', 1, 'Three', null, true, 'fire'), ('c\d', 9, 'Four', 1, null, 'x');
insert into beds values
  ('a:b', 1, 1, 'b', 2, 1.50), ('a:b', 2, 1, 'A', 2, 'NaN'), ('a:b', 3, 1, 'a', null, 3), ('a:b', 10, 1, 'B', 1, 4),
  ('c\d', 1, 9, 'ä', 1, null), ('c\d', 2, null, 'lost', 1, 9);
insert into tags values (1, 'red', false), (2, 'blue', false), (3, 'Green', true), (4, 'unused', false);
insert into room_tags values ('a:b', 1, 2), ('a:b', 1, 1), ('a:b', 1, 2), ('a:b', 1, 3), ('a:b', 1, 99), ('a:b', 2, 4);

-- A store file as schema 3 left it: changes of revisions 6 and 7 are kept.  Never edited.
PRAGMA application_id = 1178682196;
PRAGMA user_version = 3;
PRAGMA journal_mode = WAL;
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL,
  floor INTEGER NOT NULL DEFAULT 0);
CREATE TABLE record (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL, value TEXT);
INSERT INTO state (one, revision, floor) VALUES (1, 3, 5);
INSERT INTO record (id, revision, key, value) VALUES (2, 2, 'host/h1', '{"name":"h1"}');
INSERT INTO record (id, revision, key, value) VALUES (40, 5, 'vm/web01', '{"name":"web01"}');
INSERT INTO record (id, revision, key, value) VALUES (41, 6, 'lease/0', NULL);
INSERT INTO record (id, revision, key, value) VALUES (42, 7, 'lease/1', '{"id":"1"}');

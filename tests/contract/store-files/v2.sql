-- A store file as schema 2 left it: changes of revisions 6 and 7 are kept.  Never edited.
PRAGMA application_id = 1178682196;
PRAGMA user_version = 2;
PRAGMA journal_mode = WAL;
CREATE TABLE object (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL);
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL,
  floor INTEGER NOT NULL DEFAULT 0);
CREATE TABLE change (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, key TEXT NOT NULL, value TEXT);
INSERT INTO state (one, revision, floor) VALUES (1, 7, 5);
INSERT INTO object (key, value, revision) VALUES ('host/h1', '{"name":"h1"}', 2);
INSERT INTO object (key, value, revision) VALUES ('lease/1', '{"id":"1"}', 7);
INSERT INTO object (key, value, revision) VALUES ('vm/web01', '{"name":"web01"}', 5);
INSERT INTO change (id, revision, key, value) VALUES (41, 6, 'lease/0', NULL);
INSERT INTO change (id, revision, key, value) VALUES (42, 7, 'lease/1', '{"id":"1"}');

-- A store file as schema 1 left it: no history.  Never edited.
PRAGMA application_id = 1178682196;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
CREATE TABLE object (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL);
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);
INSERT INTO state (one, revision) VALUES (1, 7);
INSERT INTO object (key, value, revision) VALUES ('host/h1', '{"name":"h1"}', 2);
INSERT INTO object (key, value, revision) VALUES ('lease/1', '{"id":"1"}', 7);
INSERT INTO object (key, value, revision) VALUES ('vm/web01', '{"name":"web01"}', 5);

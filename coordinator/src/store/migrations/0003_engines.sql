-- What stock map-servers write where their realm has no database for them. `body` is a row as `mysql::local::encode_row` writes
-- it, `line` a JSON object; `id` is when it came, in microseconds since the Unix epoch.

CREATE TABLE engine_rows (
    map_group VARBINARY(128) NOT NULL,
    name VARCHAR(64) NOT NULL,
    row_key VARBINARY(512) NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (map_group, name, row_key)
);

CREATE TABLE engine_logs (
    id BIGINT NOT NULL PRIMARY KEY,
    host VARCHAR(32) NOT NULL,
    name VARCHAR(64) NOT NULL,
    line BLOB NOT NULL
);

CREATE INDEX engine_logs_of_host ON engine_logs (host, id);

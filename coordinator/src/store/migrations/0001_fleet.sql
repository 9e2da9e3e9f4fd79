-- Portable between SQLite and MariaDB: BIGINT, VARCHAR (ASCII only), VARBINARY (exact bytes), BLOB (64 KiB on MariaDB).
-- Times are seconds since the Unix epoch, flags are 0 or 1.

CREATE TABLE hosts (
    id VARCHAR(32) NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    name VARBINARY(256) NOT NULL,
    account_id BIGINT,
    key_hash VARCHAR(64) NOT NULL UNIQUE,
    abi VARCHAR(32) NOT NULL,
    revoked BIGINT NOT NULL,
    token_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);

CREATE TABLE invitations (
    code_hash VARCHAR(64) NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by VARCHAR(32)
);

CREATE TABLE leases (
    group_name VARBINARY(128) NOT NULL PRIMARY KEY,
    host_id VARCHAR(32),
    epoch BIGINT NOT NULL
);

CREATE TABLE sessions (
    character_id BIGINT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL UNIQUE,
    group_name VARBINARY(128) NOT NULL,
    login_id1 BIGINT NOT NULL,
    login_id2 BIGINT NOT NULL,
    sex BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    image BLOB NOT NULL,
    player_update BLOB,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL
);

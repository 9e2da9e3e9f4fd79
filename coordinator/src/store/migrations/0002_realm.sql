-- The embedded realm. Numbering starts where rAthena's does (sql-files/main.sql).

CREATE TABLE counters (
    name VARCHAR(32) NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('account', 1999999);
INSERT INTO counters (name, value) VALUES ('character', 149999);

CREATE TABLE accounts (
    account_id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(32) NOT NULL UNIQUE,
    password VARCHAR(255) NOT NULL,
    sex BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    banned BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login BIGINT NOT NULL
);

CREATE TABLE characters (
    character_id BIGINT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    name VARBINARY(24) NOT NULL,
    name_key VARBINARY(24) NOT NULL UNIQUE,
    image BLOB NOT NULL,
    online BIGINT NOT NULL,
    UNIQUE (account_id, slot),
    FOREIGN KEY (account_id) REFERENCES accounts (account_id)
);

-- kind: 1 inventory, 2 cart, 3 storage (owner: character, character, account)
CREATE TABLE storages (
    kind BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    number BIGINT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, owner, number)
);

-- scope: 1 account over all realms (##), 2 account (#), 3 character
CREATE TABLE registry (
    scope BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    name VARBINARY(64) NOT NULL,
    slot BIGINT NOT NULL,
    number BIGINT,
    string VARBINARY(255),
    PRIMARY KEY (scope, owner, name, slot)
);

-- what a map-server hands in and takes back whole: status changes, cooldowns, bonus scripts, quests, achievements
CREATE TABLE belongings (
    kind VARCHAR(16) NOT NULL,
    character_id BIGINT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, character_id)
);

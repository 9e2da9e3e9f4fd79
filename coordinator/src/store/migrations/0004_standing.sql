-- How hosts behaved: clean audits in a row, violations ever and those that still count, and until when they carry nothing.

CREATE TABLE standing (
    host_id VARCHAR(32) NOT NULL PRIMARY KEY,
    streak BIGINT NOT NULL,
    violations BIGINT NOT NULL,
    strikes BIGINT NOT NULL,
    last_rule VARCHAR(64) NOT NULL,
    quarantined_until BIGINT NOT NULL
);

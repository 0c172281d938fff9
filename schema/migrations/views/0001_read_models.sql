-- How far each copy of each read model has come. Rows and position move in one transaction; epoch is the fence
-- against a second worker, owner and lease_until only save double work.
create table checkpoints (
    read_model  text   not null,
    version     bigint not null,      -- the number of the copy: its tables end in _v<version>
    definition  bigint not null,      -- the version of the read model's definition it was made with
    position    bigint not null,
    recorded_at text,                 -- when the event at that position was recorded
    epoch       bigint not null,
    owner       text,
    lease_until text,
    state       text   not null,      -- following, rebuilding, stopped
    note        text,                 -- why it stopped
    primary key (read_model, version)
);

-- Which copy queries see.
create table live (
    read_model text   primary key,
    version    bigint not null,
    previous   bigint                 -- what a rollback leads back to
);

-- Streams a read model cannot digest, with every event that waits, in order.
create table parked (
    read_model text   not null,
    version    bigint not null,
    stream     text   not null,
    position   bigint not null,
    error      text   not null,
    attempts   bigint not null,
    next_try   text,
    primary key (read_model, version, position)
);

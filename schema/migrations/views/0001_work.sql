-- Working memory beside the read models: what cannot be rebuilt from the log, or must survive a rebuild.

-- How far each copy of a read model has come. Moved by compare-and-swap in the transaction that writes the rows.
create table checkpoints (
    read_model  text   not null,
    version     bigint not null,          -- number of the copy: its tables are <table>_v<version>
    definition  bigint not null,          -- version of the read model's definition the copy was made with
    position    bigint not null,
    recorded_at text   not null,          -- time of the event at `position`; '' at position 0
    epoch       bigint not null,          -- raised by whoever takes over; a revived worker finds another one
    owner       text,
    lease_until text,                     -- null: nobody is on it
    state       text   not null,          -- live, rebuilding, retired, stopped
    note        text,                     -- why it stopped
    retired_at  text,                     -- first seen beside another live copy; dropped some days later
    primary key (read_model, version)
);

-- Which copy the view of each read model shows.
create table live (
    read_model text   primary key,
    version    bigint not null,
    definition bigint not null
);

-- Events a read model could not digest, and every later event of their streams, in order.
create table parked (
    read_model text   not null,
    version    bigint not null,
    stream     text   not null,
    position   bigint not null,
    error      text   not null,
    attempts   bigint not null,
    next_try   text,                      -- null: not tried again yet
    primary key (read_model, version, position)
);
create index parked_by_stream on parked (read_model, version, stream, position);

-- Which subject needs a look in which outside system, however many events asked. Losing it is harmless: refill it with
-- everybody.
create table due (
    subject     text   not null,          -- 'ten_…' or 'platform'
    system      text   not null,          -- authentik, stalwart, ocis
    position    bigint not null,          -- facts must have reached this before we look
    due_at      text   not null,
    attempts    bigint not null default 0,
    closing     bigint not null default 0, -- the last event that shuts a door and is not carried out yet: goes first
    lease_until text,                     -- null: nobody is on it
    lease_owner text,
    state       text,
    reason      text,
    primary key (subject, system)
);
create index due_by_time on due (due_at);

-- Every attempt at an outside system, for 30 days. Never in the log: a week of outage is one event and many rows here.
create table attempts (
    subject     text   not null,
    system      text   not null,
    started_at  text   not null,
    duration_ms bigint not null,
    position    bigint not null,          -- the facts it acted on
    generation  bigint not null,
    steps       bigint not null,          -- how many steps were applied
    outcome     text   not null,
    class       text,
    reason      text,
    summary     text,                     -- ours; never the outside system's words
    primary key (subject, system, started_at)
);
create index attempts_by_time on attempts (started_at);

-- Systems everybody is kept away from, as the process that found out says it; for people. What it acts on it remembers.
create table left_alone (
    system      text primary key,
    why         text not null,            -- credentials, rate-limit, down
    since       text not null,
    until       text not null             -- then one probe
);

-- When people were last seen. Not an event: it happens all the time and nothing follows from it. Written at most every
-- five minutes per person; losing it loses a date on a page.
create table sign_ins (
    user_id text primary key,
    at      text not null
);

-- Commands that were refused, for 400 days. Not events: nothing has happened. Losing them loses their audit entries.
create table refusals (
    id           text   primary key,      -- ids of later ones are greater
    position     bigint not null,         -- where the log stood: the entry stands behind that event
    at           text   not null,
    action       text   not null,         -- 'tenant.suspend'
    outcome      text   not null,         -- denied, failed
    code         text   not null,         -- of the problem that was answered
    actor_kind   text   not null,
    actor_id     text   not null,
    audience     text,
    subject_kind text   not null,
    subject_id   text   not null,
    tenant_id    text,
    partner_id   text,
    request_id   text   not null
);
create index refusals_by_place on refusals (position, id);
create index refusals_by_time on refusals (at);

-- What was asked of the outside systems and went on after its answer, for 30 days. How far it is, is read from the systems.
create table operations (
    id         text   primary key,
    kind       text   not null,           -- reconcile
    creator    text   not null,
    tenant_id  text   not null,
    systems    text   not null,           -- comma-separated
    position   bigint not null,           -- the systems have to follow the log up to here
    created_at text   not null
);
create index operations_by_time on operations (created_at);

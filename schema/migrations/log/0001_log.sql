-- The log. One text for both databases. Times are RFC 3339 UTC with six digits: text order is time order, but the order
-- of events is their position, never their time.

-- One row. Every commit moves it from the position it expected to the position it leaves: that is the order of the log.
create table log_head (
    id       bigint primary key check (id = 1),
    position bigint not null,
    chain    text   not null              -- hash over everything up to position
);
insert into log_head (id, position, chain) values (1, 0, '');

-- The version of each stream.
create table streams (
    id      text   primary key,           -- 'tenant-ten_…'
    version bigint not null
);

-- What has happened. Rows are never changed, except that `personal` may be emptied.
create table events (
    position        bigint primary key,   -- 1, 2, 3 … without gaps
    stream          text   not null,
    version         bigint not null,      -- 1, 2, 3 … within the stream
    kind            text   not null,      -- 'tenant.hold.placed'
    data            text   not null,      -- canonical JSON, exactly the bytes that were hashed
    meta            text   not null,      -- the same: actor, audience, request, correlation, cause, whom it concerns
    actor           text   not null,
    command_id      text   not null,
    recorded_at     text   not null,      -- one value per commit
    personal        text,                 -- a salt of 32 hex digits, then canonical JSON; null: there was none, or it is erased
    personal_digest text   not null,      -- hash of `personal`, which the chain covers in its place; '' when there was none
    unique (stream, version)
);

-- Names that belong to one stream at a time. Can be computed again from the events.
create table claims (
    scope  text not null,                 -- 'tenant-slug', 'domain', 'email' …
    value  text not null,                 -- plain, or a keyed hash where it is personal
    stream text not null,
    primary key (scope, value)
);

-- Answers already given, by the caller's key. Kept for seven days.
create table commands (
    id          text   primary key,
    fingerprint text   not null,          -- of the request: the same key with another request is refused
    position    bigint not null,          -- the position its caller was given
    event_count bigint not null,
    reply       text   not null,
    recorded_at text   not null
);

-- One row per commit with events: the hash chain, and the way from a time to a position.
create table commits (
    first_position bigint primary key,
    event_count    bigint not null,
    chain          text   not null,
    recorded_at    text   not null
);

-- The secret this installation hashes personal values with. Made once, at the first migration; losing it makes claims on
-- e-mail addresses and identities unreadable.
create table keys (
    id         text primary key,          -- 'installation'
    secret     text not null,
    created_at text not null
);

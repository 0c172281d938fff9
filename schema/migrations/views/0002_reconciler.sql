-- What the reconciler knows beside the log: how it may act, what it saw and left alone, and what it does not believe.

-- A look is taken per subject and system: each system's hands look for their own.
create index due_by_system on due (system, due_at);
-- Few, and counted whenever somebody asks whether we are ready.
create index due_crashed on due (subject) where state = 'crashed';

-- The object an attempt failed on, and the outside system's own words: for operators, for as long as attempts are kept.
alter table attempts add column resource_kind text;
alter table attempts add column resource_key text;
alter table attempts add column upstream text;

-- How the reconciler may act in each system, as it was started with. Other processes show it.
create table modes (
    system text primary key,
    mode   text not null,                 -- enforce, observe, paused, disabled
    since  text not null
);

-- What a look would have changed in a system that is only observed. Losing it is harmless: the next look finds it again.
create table differences (
    subject text   not null,
    system  text   not null,
    at      text   not null,
    steps   text   not null,              -- a JSON list of sentences, cut
    count   bigint not null,              -- how many there were
    primary key (subject, system)
);

-- Which installation of a system our objects are in: something that only that one says of itself.
create table installations (
    system      text primary key,
    fingerprint text not null,
    since       text not null
);

-- Systems in which nothing is made for now, because too much of what we made there is missing or it is another
-- installation. Kept over restarts: it ends when the objects are back, or when an operator says that they are gone.
create table losses (
    system       text   primary key,
    why          text   not null,         -- missing, another-installation
    since        text   not null,
    missing      bigint not null,
    bound        bigint not null,
    confirmed_at text                     -- an operator said so: what is missing is made again
);

-- Objects with our mark that are not the ones in use, as the last sweep saw them.
create table leftovers (
    system      text   not null,
    kind        text   not null,          -- group, user, role, domain, space
    external_id text   not null,
    owner       text   not null,          -- whose it says it is
    why         text   not null,          -- unknown-owner, twin
    since       text   not null,
    seen_at     text   not null,
    primary key (system, kind, external_id)
);
create index leftovers_by_owner on leftovers (system, owner);

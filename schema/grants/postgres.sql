-- What the role the platform runs as may do on Postgres, when the tables belong to another one. Run by their owner after
-- `dezky migrate`; may be run again. `dezky` is the name of the role.
--
-- Nobody who gets hold of the platform's password can change or delete what has happened.

-- The tables of read models are made, swapped and dropped by the platform itself.
grant usage, create on schema public to dezky;
grant select on schema_migrations to dezky;

grant select, insert on events, commits, keys to dezky;
grant select, update on log_head to dezky;
grant select, insert, update on streams to dezky;
grant select, insert, delete on claims, commands to dezky;

-- Beside the read models.
grant select, insert, update, delete on checkpoints, live, parked, due, attempts, left_alone, sign_ins,
    refusals, operations, modes, differences, installations, losses, leftovers to dezky;

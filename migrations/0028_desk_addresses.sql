-- Accounts whose addresses differ in case only are shown as such beside each of a hundred rows: the address stands in
-- `search`, and is the first word in it with an @ (but where a name holds one, which `desk doctor` sees all the same).
CREATE INDEX IF NOT EXISTS users_address ON desk.users ((substring(search FROM '[^ ]+@[^ ]+')));

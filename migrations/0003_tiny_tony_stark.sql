-- Accounts can be switched off.
ALTER TABLE public.users ADD COLUMN active boolean DEFAULT true NOT NULL;

-- The number that people say on the telephone.
ALTER TABLE public.support_tickets ADD COLUMN ticket_number text NOT NULL;
ALTER TABLE public.support_tickets ADD CONSTRAINT support_tickets_ticket_number_unique UNIQUE (ticket_number);

-- Staff who manage staff.
ALTER TYPE public.role ADD VALUE 'SUPER_ADMIN';

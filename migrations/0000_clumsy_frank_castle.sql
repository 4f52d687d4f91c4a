-- The web app's initial schema. Names are Drizzle's: with others its next push would offer to truncate users.
CREATE TYPE public.comment_sender AS ENUM ('CLIENT', 'ADMIN');
CREATE TYPE public.project_status AS ENUM ('PENDING', 'APPROVED', 'IN_PROGRESS', 'REVIEW', 'COMPLETED', 'CANCELLED');
CREATE TYPE public.project_type AS ENUM ('WEBSITE', 'E_COMMERCE', 'WEB_APP', 'MOBILE_APP', 'BRANDING', 'MARKETING', 'OTHER');
CREATE TYPE public.role AS ENUM ('CLIENT', 'ADMIN');
CREATE TYPE public.ticket_status AS ENUM ('OPEN', 'PENDING', 'RESOLVED', 'CLOSED');

CREATE TABLE public.users (
  id text PRIMARY KEY NOT NULL,
  email text NOT NULL,
  name text,
  company text,
  password_hash text,
  created_at timestamp DEFAULT now() NOT NULL,
  updated_at timestamp DEFAULT now() NOT NULL,
  last_logged_in timestamp,
  role public.role DEFAULT 'CLIENT' NOT NULL,
  email_verified boolean DEFAULT false NOT NULL,
  CONSTRAINT users_email_unique UNIQUE (email)
);

CREATE TABLE public.projects (
  id text PRIMARY KEY NOT NULL,
  title text NOT NULL,
  description text,
  status public.project_status DEFAULT 'PENDING' NOT NULL,
  client_id text NOT NULL,
  created_at timestamp DEFAULT now() NOT NULL,
  updated_at timestamp DEFAULT now() NOT NULL,
  start_date timestamp,
  end_date timestamp,
  type public.project_type NOT NULL,
  budget real,
  requirements text
);

CREATE TABLE public.support_tickets (
  id text PRIMARY KEY NOT NULL,
  subject text NOT NULL,
  description text NOT NULL,
  status public.ticket_status DEFAULT 'OPEN' NOT NULL,
  client_id text NOT NULL,
  created_at timestamp DEFAULT now() NOT NULL,
  updated_at timestamp DEFAULT now() NOT NULL,
  last_replied_at timestamp
);

CREATE TABLE public.ticket_comments (
  id text PRIMARY KEY NOT NULL,
  content text NOT NULL,
  ticket_id text NOT NULL,
  user_id text NOT NULL,
  sender public.comment_sender NOT NULL,
  created_at timestamp DEFAULT now() NOT NULL,
  updated_at timestamp DEFAULT now() NOT NULL
);

CREATE TABLE public.password_resets (
  id text PRIMARY KEY NOT NULL,
  token text NOT NULL,
  user_id text NOT NULL,
  expires_at timestamp NOT NULL,
  used boolean DEFAULT false NOT NULL,
  created_at timestamp DEFAULT now() NOT NULL
);

CREATE TABLE public.email_verifications (
  id text PRIMARY KEY NOT NULL,
  token text NOT NULL,
  user_id text NOT NULL,
  expires_at timestamp NOT NULL,
  used boolean DEFAULT false NOT NULL,
  created_at timestamp DEFAULT now() NOT NULL
);

ALTER TABLE public.projects ADD CONSTRAINT projects_client_id_users_id_fk
  FOREIGN KEY (client_id) REFERENCES public.users (id) ON DELETE NO ACTION ON UPDATE NO ACTION;
ALTER TABLE public.support_tickets ADD CONSTRAINT support_tickets_client_id_users_id_fk
  FOREIGN KEY (client_id) REFERENCES public.users (id) ON DELETE NO ACTION ON UPDATE NO ACTION;
ALTER TABLE public.ticket_comments ADD CONSTRAINT ticket_comments_ticket_id_support_tickets_id_fk
  FOREIGN KEY (ticket_id) REFERENCES public.support_tickets (id) ON DELETE NO ACTION ON UPDATE NO ACTION;
ALTER TABLE public.ticket_comments ADD CONSTRAINT ticket_comments_user_id_users_id_fk
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE NO ACTION ON UPDATE NO ACTION;
ALTER TABLE public.password_resets ADD CONSTRAINT password_resets_user_id_users_id_fk
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE NO ACTION ON UPDATE NO ACTION;
ALTER TABLE public.email_verifications ADD CONSTRAINT email_verifications_user_id_users_id_fk
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE NO ACTION ON UPDATE NO ACTION;

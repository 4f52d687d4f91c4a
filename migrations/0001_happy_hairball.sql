-- Deleting a user or a ticket deletes what belongs to it.
ALTER TABLE public.projects DROP CONSTRAINT projects_client_id_users_id_fk;
ALTER TABLE public.projects ADD CONSTRAINT projects_client_id_users_id_fk
  FOREIGN KEY (client_id) REFERENCES public.users (id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE public.support_tickets DROP CONSTRAINT support_tickets_client_id_users_id_fk;
ALTER TABLE public.support_tickets ADD CONSTRAINT support_tickets_client_id_users_id_fk
  FOREIGN KEY (client_id) REFERENCES public.users (id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE public.ticket_comments DROP CONSTRAINT ticket_comments_ticket_id_support_tickets_id_fk;
ALTER TABLE public.ticket_comments ADD CONSTRAINT ticket_comments_ticket_id_support_tickets_id_fk
  FOREIGN KEY (ticket_id) REFERENCES public.support_tickets (id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE public.ticket_comments DROP CONSTRAINT ticket_comments_user_id_users_id_fk;
ALTER TABLE public.ticket_comments ADD CONSTRAINT ticket_comments_user_id_users_id_fk
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE public.password_resets DROP CONSTRAINT password_resets_user_id_users_id_fk;
ALTER TABLE public.password_resets ADD CONSTRAINT password_resets_user_id_users_id_fk
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE public.email_verifications DROP CONSTRAINT email_verifications_user_id_users_id_fk;
ALTER TABLE public.email_verifications ADD CONSTRAINT email_verifications_user_id_users_id_fk
  FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE CASCADE ON UPDATE NO ACTION;

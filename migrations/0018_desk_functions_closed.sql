-- A function of ours is called by the desk's role, which `desk grant` names, or by other functions; everybody else may
-- do without. Triggers fire all the same. Those of an extension that lives here are not ours to close.
DO $$
DECLARE
  ours text;
BEGIN
  FOR ours IN
    SELECT p.oid::pg_catalog.regprocedure::text
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = 'desk'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    EXECUTE 'REVOKE ALL ON FUNCTION ' || ours || ' FROM PUBLIC';
  END LOOP;
END
$$;

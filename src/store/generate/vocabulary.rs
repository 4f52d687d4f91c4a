//! The words of generated texts: temporary tables and functions of the generator's own session.
//!
//! Everything random is a hash of a row's number and the seed, so a row is the same whenever and in whatever
//! batch it is made.

use crate::store::error::Result;
use crate::store::sql;
use crate::store::transaction::Transaction;

/// The most frequent words, in the order of their frequency; made-up ones follow.
const WORDS: &str = "the and website please page order email login when error site cannot our not work after \
account update image payment checkout contact form customer client change need button menu link mobile slow \
loading broken domain hosting invoice project design logo text colour banner footer header browser chrome \
safari password reset message upload file product price stock cart delivery address search result list filter \
blog post news photo gallery video plugin backup server certificate security spam newsletter subscribe campaign \
report analytics traffic google facebook instagram booking calendar date time today yesterday tomorrow week \
month urgent soon thanks hello team meeting call phone number question answer problem issue fix solved tested \
checked again still same different new old wrong missing correct show hide open close add remove delete create \
edit save publish preview draft version release feature request estimate quote budget deadline staging \
production database migration redirect cookie consent privacy policy terms language french german spanish \
translation font style layout table column row dashboard admin user role access permission shop category brand \
discount coupon voucher refund shipping tax receipt export import spreadsheet pdf attachment screenshot desktop \
tablet android iphone crash timeout latency cache dns record nameserver renewal expired subscription plan \
upgrade downgrade cancel contract signature agreement";

/// Makes `pg_temp.u` (uniform in [0, 1)), `pg_temp.id`, `pg_temp.pick`, the words and the fragments of five
/// Zipf-like words each, of which texts are put together.
pub async fn prepare(tx: &Transaction<'_>, seed: i32) -> Result<()> {
    tx.batch_execute(&format!(
        "DROP TABLE IF EXISTS pg_temp.words, pg_temp.fragments, pg_temp.given, pg_temp.assignees;
             CREATE OR REPLACE FUNCTION pg_temp.pick(i bigint, salt integer) RETURNS bigint
               LANGUAGE sql IMMUTABLE AS
               $$ SELECT pg_catalog.hashint8extended(i, salt + 1000::bigint * {seed}) & 1099511627775 $$;
             CREATE OR REPLACE FUNCTION pg_temp.u(i bigint, salt integer) RETURNS double precision
               LANGUAGE sql IMMUTABLE AS
               $$ SELECT (pg_catalog.hashint8extended(i, salt + 1000::bigint * {seed})
                          & 1099511627775)::double precision / 1099511627776.0 $$;
             CREATE OR REPLACE FUNCTION pg_temp.id(kind text, i bigint) RETURNS text
               LANGUAGE sql IMMUTABLE AS
               $$ SELECT '{prefix}' || pg_catalog.substr(
                    pg_catalog.md5(kind || i::text || '/{seed}')::uuid::text, {rest}) $$;
             CREATE TEMPORARY TABLE words (rank integer PRIMARY KEY, word text NOT NULL);
             CREATE TEMPORARY TABLE fragments (id integer PRIMARY KEY, words text NOT NULL);
             CREATE TEMPORARY TABLE assignees (place integer PRIMARY KEY, id text NOT NULL);
             CREATE TEMPORARY TABLE given (
               i bigint PRIMARY KEY, id text NOT NULL, number text NOT NULL, comments integer NOT NULL,
               client_id text NOT NULL, created_at timestamp NOT NULL, gap double precision NOT NULL,
               status text NOT NULL, settled_at timestamp, assignee_id text, priority smallint NOT NULL)",
        prefix = super::ID_PREFIX,
        rest = super::ID_PREFIX.len() + 1,
    ))
    .await?;
    sql::execute(tx, FILL_WORDS, &[sql::text(&WORDS)]).await?;
    sql::execute(tx, FILL_FRAGMENTS, &[]).await?;
    tx.batch_execute("ANALYZE pg_temp.words, pg_temp.fragments").await?;
    Ok(())
}

const FILL_WORDS: &str = "
    WITH syllables AS (
      SELECT pg_catalog.regexp_split_to_array(
        'ba ce di fo gu la me ni po ru sa te vi zo ka lo mi nu pe ra so ti va xe bri cro dra fle gla pru',
        ' ') AS s
    ), made AS (
      SELECT DISTINCT ON (word) rank, word FROM (
        SELECT g AS rank, s[1 + (g * 7) % 30] || s[1 + (g / 30 * 11 + g) % 30]
               || s[1 + (g / 900 * 13 + g * 3) % 30]
               || CASE WHEN g % 3 = 0 THEN s[1 + (g * 17) % 30] ELSE '' END AS word
        FROM syllables, pg_catalog.generate_series(0, 8000) AS g) AS word
      ORDER BY word, rank)
    INSERT INTO pg_temp.words (rank, word)
    SELECT (pg_catalog.row_number() OVER (ORDER BY source, rank) - 1)::integer, word
    FROM (SELECT 0 AS source, place AS rank, word
          FROM pg_catalog.regexp_split_to_table($1, ' ') WITH ORDINALITY AS known (word, place)
          UNION ALL SELECT 1, rank, word FROM made) AS word
    ORDER BY source, rank LIMIT 4000";

const FILL_FRAGMENTS: &str = "
    INSERT INTO pg_temp.fragments (id, words)
    SELECT place.id, pg_catalog.string_agg(word.word, ' ' ORDER BY place.k)
    FROM (SELECT f AS id, k, pg_catalog.floor(4000 * pg_temp.u(f * 8::bigint + k, 11) ^ 3.3)::integer AS rank
          FROM pg_catalog.generate_series(0, 29999) AS f, pg_catalog.generate_series(1, 5) AS k) AS place
    JOIN pg_temp.words AS word USING (rank)
    GROUP BY place.id";

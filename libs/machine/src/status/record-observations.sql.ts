/** One missed answer is "unknown"; so many in a row are "down". */
const MISSES_UNTIL_DOWN = 3;
/** From so many agents on, all of them silent at once says something of the edge, not of them. */
const FLEET = 3;

/**
 * $1: JSON array of { id, addr, at, report | null }, one for each machine; $2: the edge.
 * Returns { id, before, after } for each machine whose observation counted. Guarded by address and
 * time: an answer from an old address, or an old answer, changes nothing. An agent that never answered
 * is not down: it is on its way, or its enrolment will expire.
 */
export const RECORD_OBSERVATIONS = `
  WITH "observed" AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb)
      AS o("id" uuid, "addr" text, "at" timestamptz, "report" jsonb)
  ), "old" AS (
    SELECT m."id", m."agent_status" FROM "machine" m
    WHERE m."id" IN (SELECT "id" FROM "observed") ORDER BY m."id" FOR NO KEY UPDATE
  ), "fleet" AS (
    SELECT count(*) AS "agents", count(*) FILTER (WHERE m."agent_status" = 'up') AS "up"
    FROM "machine" m
    WHERE m."edge_id" = $2 AND m."agent_addr" IS NOT NULL
      AND m."id" NOT IN (SELECT "id" FROM "observed" WHERE "report" IS NULL)
  ), "silent" AS (
    SELECT count(*) AS "agents" FROM "observed" WHERE "report" IS NULL
  )
  UPDATE "machine" m SET
    "agent_observed_at" = o."at",
    "agent_misses" = CASE WHEN o."report" IS NULL THEN m."agent_misses" + 1 ELSE 0 END,
    "agent_status" = CASE
      WHEN o."report" IS NOT NULL THEN 'up'
      WHEN m."agent_misses" + 1 < ${MISSES_UNTIL_DOWN} THEN 'unknown'
      WHEN m."agent_reported_at" IS NULL THEN 'unknown'
      WHEN fleet."agents" + silent."agents" >= ${FLEET} AND fleet."up" = 0 THEN 'unknown'
      ELSE 'down' END,
    "agent_report" = coalesce(o."report", m."agent_report"),
    "agent_reported_at" = CASE
      WHEN o."report" IS NULL THEN m."agent_reported_at" ELSE o."at" END
  FROM "observed" o, "old", "fleet", "silent"
  WHERE m."id" = o."id" AND "old"."id" = o."id" AND m."agent_addr" = o."addr"
    AND (m."agent_observed_at" IS NULL OR m."agent_observed_at" <= o."at")
  RETURNING m."id", "old"."agent_status" AS "before", m."agent_status" AS "after"`;

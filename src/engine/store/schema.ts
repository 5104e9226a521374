/**
 * What is in ROOT/tiffin.db, and how an older database becomes a current one.
 *
 *   container  one row per container
 *     id         64 hex digits
 *     name       unique, without Docker's slash
 *     created_ms when it was made
 *     document   JSON: everything decided at creation (src/engine/container/record/document.ts)
 *     state      JSON: the state union (src/engine/container/record/stored-state.ts), and the count of restarts
 *   volume     one row per named volume; its data is ROOT/volumes/<name>/_data
 *     name, created_ms, labels (JSON), anonymous (1: made for one container, goes with it)
 *
 *   image      one row per image
 *     id             sha256:<hex> of configuration
 *     configuration  the OCI document, byte for byte
 *     chain          ids of its layers, lowest first, with blanks between them
 *     size           bytes of its layers
 *     added_ms, tagged_ms (0: never), parent (id of the image that it was made from, or empty)
 *   image_reference  reference (docker.io/library/base:latest, docker.io/library/base@sha256:...), image_id
 *   image_manifest   what registries called it: digest, image_id, media_type, content byte for byte
 *   loose_layer      layers that no image needs: containers or work under way may, or nobody does any more
 *   network       one row per network: id (64 hex digits), name, created_ms, document (JSON: what was decided about it,
 *                 src/engine/network/model.ts), last_address given out
 *   network_lease one row per endpoint of a container: network_id, address, address6, container_id, host_link
 *   host_setting  name, value: what the engine changed on the host and has to change back (`forwarding`: 1)
 *   build_record  key of a step of a build, or of a cache mount; place: the image that holds what it came to, which may be gone, or the
 *                 directory; description, inputs (JSON, as src/engine/build/step-cache.ts has them), bytes, created_ms, used_ms, uses
 *
 * `PRAGMA user_version` counts the migrations below that have been applied; a migration never changes once
 * released, and a test opens a database of every earlier version.
 */
import type { Database } from "bun:sqlite";

/** One step from a version to the next: statements, or code for what statements cannot say. In one transaction each. */
export type Migration = string | ((database: Database) => void);

export const migrations: readonly Migration[] = [
  `CREATE TABLE container (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     created_ms INTEGER NOT NULL,
     document TEXT NOT NULL,
     state TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE volume (
     name TEXT PRIMARY KEY,
     created_ms INTEGER NOT NULL,
     labels TEXT NOT NULL,
     anonymous INTEGER NOT NULL
   ) WITHOUT ROWID;`,
  // Version 1 had these too, made by the parts of the engine that use them, each when it was first opened.
  `CREATE TABLE IF NOT EXISTS image_image (
     id TEXT PRIMARY KEY,
     configuration TEXT NOT NULL,
     size INTEGER NOT NULL,
     added_ms INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS image_name (
     name TEXT PRIMARY KEY,
     image_id TEXT NOT NULL REFERENCES image_image (id)
   ) WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS ipam_network (
     network TEXT PRIMARY KEY,
     subnet TEXT NOT NULL,
     last_address TEXT,
     forwarding_enabled INTEGER NOT NULL DEFAULT 0
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE IF NOT EXISTS ipam_lease (
     network TEXT NOT NULL,
     address TEXT NOT NULL,
     container_id TEXT NOT NULL,
     host_link TEXT NOT NULL,
     PRIMARY KEY (network, address),
     UNIQUE (network, container_id)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE image (
     id TEXT PRIMARY KEY,
     configuration BLOB NOT NULL,
     chain TEXT NOT NULL,
     size INTEGER NOT NULL,
     added_ms INTEGER NOT NULL,
     tagged_ms INTEGER NOT NULL DEFAULT 0,
     parent TEXT NOT NULL DEFAULT ''
   );
   INSERT INTO image (id, configuration, chain, size, added_ms)
     SELECT id, CAST(configuration AS BLOB),
       (SELECT coalesce(group_concat(substr(value, 8), ' '), '') FROM json_each(configuration, '$.rootfs.diff_ids')),
       size, added_ms FROM image_image;
   CREATE TABLE image_reference (
     reference TEXT PRIMARY KEY,
     image_id TEXT NOT NULL REFERENCES image (id)
   ) WITHOUT ROWID;
   INSERT INTO image_reference SELECT name, image_id FROM image_name;
   CREATE TABLE image_manifest (
     digest TEXT NOT NULL,
     image_id TEXT NOT NULL REFERENCES image (id),
     media_type TEXT NOT NULL,
     content BLOB NOT NULL,
     PRIMARY KEY (image_id, digest)
   );
   CREATE TABLE loose_layer (id TEXT PRIMARY KEY) WITHOUT ROWID;
   DROP TABLE image_name;
   DROP TABLE image_image;`,
  // What is JSON says its version from here on; until here it was the first.
  `UPDATE container SET document = json_set(document, '$.version', 1), state = json_set(state, '$.version', 1);`,
  // Networks are rows of their own. The one that there was has this id on every host.
  `CREATE TABLE network (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     created_ms INTEGER NOT NULL,
     document TEXT NOT NULL,
     last_address TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE network_lease (
     network_id TEXT NOT NULL,
     address TEXT NOT NULL,
     container_id TEXT NOT NULL,
     host_link TEXT NOT NULL,
     PRIMARY KEY (network_id, address),
     UNIQUE (network_id, container_id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE host_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO network (id, name, created_ms, document, last_address)
     SELECT '3e021a71a3fd6e9dcc2ba96f60909847718ab1b6e0c223d7e32926d8e2945ec9', 'bridge', 0,
       json_object('version', 1, 'driver', 'bridge', 'subnet', subnet, 'gateway', '', 'ipRange', '', 'auxiliary', json('{}'),
         'bridge', '', 'mtu', 0, 'internal', json('false'), 'openWithin', json('true'), 'masquerade', json('true'),
         'hostAddress', '0.0.0.0', 'attachable', json('false'), 'labels', json('{}'), 'options', json('{}'),
         'subnetChosen', json('false'), 'ipamOptions', json('{}')),
       last_address
     FROM ipam_network WHERE network = 'bridge';
   INSERT INTO network_lease (network_id, address, container_id, host_link)
     SELECT '3e021a71a3fd6e9dcc2ba96f60909847718ab1b6e0c223d7e32926d8e2945ec9', address, container_id, host_link
     FROM ipam_lease WHERE network = 'bridge';
   INSERT INTO host_setting (name, value)
     SELECT 'forwarding', CAST(forwarding_enabled AS TEXT) FROM ipam_network WHERE network = 'bridge';
   DROP TABLE ipam_lease;
   DROP TABLE ipam_network;`,
  // An endpoint may have an IPv6 address too.
  `ALTER TABLE network_lease ADD COLUMN address6 TEXT NOT NULL DEFAULT '';`,
  // Volumes have drivers, and these have options.
  `ALTER TABLE volume ADD COLUMN driver TEXT NOT NULL DEFAULT 'local';
   ALTER TABLE volume ADD COLUMN driver_options TEXT NOT NULL DEFAULT '{}';`,
  // What steps of builds have come to.
  `CREATE TABLE build_step (key TEXT PRIMARY KEY, image_id TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  // Steps come to trees, not to images, and it is told what they were made of.
  `DROP TABLE build_step;
   CREATE TABLE build_record (key TEXT PRIMARY KEY, kind TEXT NOT NULL, place TEXT NOT NULL, description TEXT NOT NULL,
     inputs TEXT NOT NULL, bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL,
     uses INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];

export const currentVersion = migrations.length;

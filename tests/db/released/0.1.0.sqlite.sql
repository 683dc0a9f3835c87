BEGIN TRANSACTION;
CREATE TABLE accounts (
	"key" INTEGER NOT NULL, 
	client_key INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	external_id VARCHAR NOT NULL, 
	sub VARCHAR NOT NULL, 
	name VARCHAR, 
	email VARCHAR, 
	tzid VARCHAR NOT NULL, 
	profile_id VARCHAR NOT NULL, 
	revoked_at BIGINT, 
	created_at BIGINT NOT NULL, scope VARCHAR DEFAULT 'read_write' NOT NULL, 
	CONSTRAINT accounts_pkey PRIMARY KEY ("key"), 
	CONSTRAINT accounts_client_key_kind_external_id_key UNIQUE (client_key, kind, external_id), 
	CONSTRAINT accounts_client_key_fkey FOREIGN KEY(client_key) REFERENCES clients ("key") ON DELETE CASCADE, 
	CONSTRAINT accounts_sub_key UNIQUE (sub), 
	CONSTRAINT accounts_profile_id_key UNIQUE (profile_id)
);
INSERT INTO "accounts" VALUES(1,1,'application_calendar','store-42','apc_f77bbc864b9543955ddf6c40',NULL,NULL,'Etc/UTC','pro_U06No8jmC0LtpukH',NULL,1798761600,'read_write');
INSERT INTO "accounts" VALUES(2,1,'resource','lathe','res_5d9806d487b5cdc0ec1e5db9','The lathe',NULL,'Etc/UTC','pro_KJm9-31sk49G65nT',NULL,1798761600,'read_write');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE availability_rules (
	"key" INTEGER NOT NULL, 
	account_key INTEGER NOT NULL, 
	availability_rule_id VARCHAR NOT NULL, 
	tzid VARCHAR NOT NULL, 
	weekly_periods JSON NOT NULL, 
	calendar_ids JSON, 
	CONSTRAINT availability_rules_pkey PRIMARY KEY ("key"), 
	CONSTRAINT availability_rules_account_key_availability_rule_id_key UNIQUE (account_key, availability_rule_id), 
	CONSTRAINT availability_rules_account_key_fkey FOREIGN KEY(account_key) REFERENCES accounts ("key") ON DELETE CASCADE
);
INSERT INTO "availability_rules" VALUES(1,1,'default','Europe/London','[["tuesday", "09:00", "17:00"]]','["cal_U06No8jmC0LtpukH_cfdeb08071"]');
CREATE TABLE available_periods (
	"key" INTEGER NOT NULL, 
	account_key INTEGER NOT NULL, 
	available_period_id VARCHAR NOT NULL, 
	starts_at BIGINT NOT NULL, 
	ends_at BIGINT NOT NULL, 
	CONSTRAINT available_periods_pkey PRIMARY KEY ("key"), 
	CONSTRAINT available_periods_account_key_available_period_id_key UNIQUE (account_key, available_period_id), 
	CONSTRAINT available_periods_account_key_fkey FOREIGN KEY(account_key) REFERENCES accounts ("key") ON DELETE CASCADE
);
INSERT INTO "available_periods" VALUES(1,1,'p1',1800694800,1800705600);
CREATE TABLE calendars (
	"key" INTEGER NOT NULL, 
	account_key INTEGER NOT NULL, 
	calendar_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	"primary" BOOLEAN NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT calendars_pkey PRIMARY KEY ("key"), 
	CONSTRAINT calendars_account_key_fkey FOREIGN KEY(account_key) REFERENCES accounts ("key") ON DELETE CASCADE, 
	CONSTRAINT calendars_calendar_id_key UNIQUE (calendar_id)
);
INSERT INTO "calendars" VALUES(1,1,'cal_U06No8jmC0LtpukH_cfdeb08071','store-42',1,1);
INSERT INTO "calendars" VALUES(2,2,'cal_KJm9-31sk49G65nT_05cc43582d','lathe',1,0);
CREATE TABLE clients (
	"key" INTEGER NOT NULL, 
	client_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	secret_digest BLOB NOT NULL, 
	created_at BIGINT NOT NULL, without VARCHAR DEFAULT '' NOT NULL, 
	CONSTRAINT clients_pkey PRIMARY KEY ("key"), 
	CONSTRAINT clients_client_id_key UNIQUE (client_id), 
	CONSTRAINT clients_secret_digest_key UNIQUE (secret_digest)
);
INSERT INTO "clients" VALUES(1,'tests','Tests',X'6C5B90185D492AEDEE9C6970308CFAF3871E2D8B1B12EB47854EAFDEC1CB8DB7',1798761600,'');
CREATE TABLE events (
	"key" INTEGER NOT NULL, 
	calendar_key INTEGER NOT NULL, 
	event_id VARCHAR NOT NULL, 
	event_uid VARCHAR NOT NULL, 
	summary VARCHAR NOT NULL, 
	description VARCHAR NOT NULL, 
	starts_at BIGINT NOT NULL, 
	ends_at BIGINT NOT NULL, 
	start_date DATE, 
	end_date DATE, 
	tzid VARCHAR NOT NULL, 
	location_description VARCHAR, 
	location_lat VARCHAR, 
	location_long VARCHAR, 
	url VARCHAR, 
	transparency VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	blocks BOOLEAN NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT events_pkey PRIMARY KEY ("key"), 
	CONSTRAINT events_calendar_key_event_id_key UNIQUE (calendar_key, event_id), 
	CONSTRAINT events_calendar_key_fkey FOREIGN KEY(calendar_key) REFERENCES calendars ("key") ON DELETE CASCADE, 
	CONSTRAINT events_event_uid_key UNIQUE (event_uid)
);
INSERT INTO "events" VALUES(1,1,'e1','evt_09a85069845a21a8cc4e6227','Delivery','',1800352800,1800356400,NULL,NULL,'Etc/UTC',NULL,NULL,NULL,NULL,'opaque','confirmed',1,0,1798761600,1798761600);
INSERT INTO "events" VALUES(2,1,'e2','evt_b8a87c2ebb850a3b102c665a','Stock','',1800370800,1800457200,'2027-01-20','2027-01-21','Asia/Tokyo',NULL,NULL,NULL,NULL,'opaque','confirmed',1,0,1798761600,1798761600);
CREATE TABLE tokens (
	"key" INTEGER NOT NULL, 
	account_key INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	digest BLOB NOT NULL, 
	scope VARCHAR NOT NULL, 
	expires_at BIGINT, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT tokens_pkey PRIMARY KEY ("key"), 
	CONSTRAINT tokens_account_key_fkey FOREIGN KEY(account_key) REFERENCES accounts ("key") ON DELETE CASCADE, 
	CONSTRAINT tokens_digest_key UNIQUE (digest)
);
INSERT INTO "tokens" VALUES(1,1,'refresh',X'4946410AAB27E0DB10B22C80B1384B9375875040DEE8A2E8DE961D1A3E07BE43','read_write',NULL,1798761600);
INSERT INTO "tokens" VALUES(2,1,'access',X'A3BD4857CE1E869FC59ECD163385522F825205DEB2A2DD03BF0878BECE17FDA0','read_write',1798765200,1798761600);
INSERT INTO "tokens" VALUES(3,2,'refresh',X'22DE9AA1144A96244AB28B64BAD0B7D3436336F93E2EB7FC3D99D0EE75FCB086','read_write',NULL,1798761600);
INSERT INTO "tokens" VALUES(4,2,'access',X'C09E684CD66154507F9B73E612F73C19CA1BF9FBE0AF09612FB2FF066F9D11DA','read_write',1798765200,1798761600);
CREATE INDEX tokens_account_key ON tokens (account_key);
CREATE INDEX calendars_account_key ON calendars (account_key);
CREATE INDEX events_by_start ON events (calendar_key, starts_at, event_uid);
CREATE INDEX events_blocking ON events (calendar_key, blocks, ends_at, starts_at, status);
CREATE INDEX available_periods_by_end ON available_periods (account_key, ends_at, starts_at);
CREATE INDEX available_periods_by_start ON available_periods (account_key, starts_at, available_period_id);
COMMIT;

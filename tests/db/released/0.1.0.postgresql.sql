CREATE TABLE public.accounts (
    key bigint NOT NULL,
    client_key bigint NOT NULL,
    kind character varying NOT NULL,
    external_id character varying NOT NULL,
    sub character varying NOT NULL,
    name character varying,
    email character varying,
    tzid character varying NOT NULL,
    profile_id character varying NOT NULL,
    revoked_at bigint,
    created_at bigint NOT NULL,
    scope character varying DEFAULT 'read_write'::character varying NOT NULL
);
CREATE SEQUENCE public.accounts_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.accounts_key_seq OWNED BY public.accounts.key;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.availability_rules (
    key bigint NOT NULL,
    account_key bigint NOT NULL,
    availability_rule_id character varying NOT NULL,
    tzid character varying NOT NULL,
    weekly_periods json NOT NULL,
    calendar_ids json
);
CREATE SEQUENCE public.availability_rules_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.availability_rules_key_seq OWNED BY public.availability_rules.key;
CREATE TABLE public.available_periods (
    key bigint NOT NULL,
    account_key bigint NOT NULL,
    available_period_id character varying NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE SEQUENCE public.available_periods_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.available_periods_key_seq OWNED BY public.available_periods.key;
CREATE TABLE public.calendars (
    key bigint NOT NULL,
    account_key bigint NOT NULL,
    calendar_id character varying NOT NULL,
    name character varying NOT NULL,
    "primary" boolean NOT NULL,
    version bigint NOT NULL
);
CREATE SEQUENCE public.calendars_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.calendars_key_seq OWNED BY public.calendars.key;
CREATE TABLE public.clients (
    key bigint NOT NULL,
    client_id character varying NOT NULL,
    name character varying NOT NULL,
    secret_digest bytea NOT NULL,
    created_at bigint NOT NULL,
    without character varying DEFAULT ''::character varying NOT NULL
);
CREATE SEQUENCE public.clients_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.clients_key_seq OWNED BY public.clients.key;
CREATE TABLE public.events (
    key bigint NOT NULL,
    calendar_key bigint NOT NULL,
    event_id character varying NOT NULL,
    event_uid character varying NOT NULL,
    summary character varying NOT NULL,
    description character varying NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    start_date date,
    end_date date,
    tzid character varying NOT NULL,
    location_description character varying,
    location_lat character varying,
    location_long character varying,
    url character varying,
    transparency character varying NOT NULL,
    status character varying NOT NULL,
    blocks boolean NOT NULL,
    deleted boolean NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL
);
CREATE SEQUENCE public.events_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_key_seq OWNED BY public.events.key;
CREATE TABLE public.tokens (
    key bigint NOT NULL,
    account_key bigint NOT NULL,
    kind character varying NOT NULL,
    digest bytea NOT NULL,
    scope character varying NOT NULL,
    expires_at bigint,
    created_at bigint NOT NULL
);
CREATE SEQUENCE public.tokens_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tokens_key_seq OWNED BY public.tokens.key;
ALTER TABLE ONLY public.accounts ALTER COLUMN key SET DEFAULT nextval('public.accounts_key_seq'::regclass);
ALTER TABLE ONLY public.availability_rules ALTER COLUMN key SET DEFAULT nextval('public.availability_rules_key_seq'::regclass);
ALTER TABLE ONLY public.available_periods ALTER COLUMN key SET DEFAULT nextval('public.available_periods_key_seq'::regclass);
ALTER TABLE ONLY public.calendars ALTER COLUMN key SET DEFAULT nextval('public.calendars_key_seq'::regclass);
ALTER TABLE ONLY public.clients ALTER COLUMN key SET DEFAULT nextval('public.clients_key_seq'::regclass);
ALTER TABLE ONLY public.events ALTER COLUMN key SET DEFAULT nextval('public.events_key_seq'::regclass);
ALTER TABLE ONLY public.tokens ALTER COLUMN key SET DEFAULT nextval('public.tokens_key_seq'::regclass);
INSERT INTO public.accounts VALUES (1, 1, 'application_calendar', 'store-42', 'apc_44052a009431082d4ebdac84', NULL, NULL, 'Etc/UTC', 'pro_V9RQQChxwHEklfv2', NULL, 1798761600, 'read_write');
INSERT INTO public.accounts VALUES (2, 1, 'resource', 'lathe', 'res_ffac5514a1b757e216da58cc', 'The lathe', NULL, 'Etc/UTC', 'pro_5sWypaSi0DBTNxS0', NULL, 1798761600, 'read_write');
INSERT INTO public.alembic_version VALUES ('0002');
INSERT INTO public.availability_rules VALUES (1, 1, 'default', 'Europe/London', '[["tuesday", "09:00", "17:00"]]', '["cal_V9RQQChxwHEklfv2_42fb61ce1c"]');
INSERT INTO public.available_periods VALUES (1, 1, 'p1', 1800694800, 1800705600);
INSERT INTO public.calendars VALUES (2, 2, 'cal_5sWypaSi0DBTNxS0_95f33a4b4e', 'lathe', true, 0);
INSERT INTO public.calendars VALUES (1, 1, 'cal_V9RQQChxwHEklfv2_42fb61ce1c', 'store-42', true, 1);
INSERT INTO public.clients VALUES (1, 'tests', 'Tests', '\x6c5b90185d492aedee9c6970308cfaf3871e2d8b1b12eb47854eafdec1cb8db7', 1798761600, '');
INSERT INTO public.events VALUES (1, 1, 'e1', 'evt_f3419630e5cd6152f9520757', 'Delivery', '', 1800352800, 1800356400, NULL, NULL, 'Etc/UTC', NULL, NULL, NULL, NULL, 'opaque', 'confirmed', true, false, 1798761600, 1798761600);
INSERT INTO public.events VALUES (2, 1, 'e2', 'evt_d4b0b07f48ad53f78f4ff55f', 'Stock', '', 1800370800, 1800457200, '2027-01-20', '2027-01-21', 'Asia/Tokyo', NULL, NULL, NULL, NULL, 'opaque', 'confirmed', true, false, 1798761600, 1798761600);
INSERT INTO public.tokens VALUES (1, 1, 'refresh', '\x8e1533024ed3acdcaf4840d68a4c697d8a62a5132631149ad7a26b9133a63a48', 'read_write', NULL, 1798761600);
INSERT INTO public.tokens VALUES (2, 1, 'access', '\x35e68dcf4af50114004741743f28f23899a688fc68ce997a198b8ebeebe5c034', 'read_write', 1798765200, 1798761600);
INSERT INTO public.tokens VALUES (3, 2, 'refresh', '\x51c6608b3afd93ba5ec234cec165f334394282c45c62972df31a5353aa1bc429', 'read_write', NULL, 1798761600);
INSERT INTO public.tokens VALUES (4, 2, 'access', '\x93282d6fb903e84802a5a8af49882d32795ecce2eba446b6ec502ec3374c71b2', 'read_write', 1798765200, 1798761600);
SELECT pg_catalog.setval('public.accounts_key_seq', 2, true);
SELECT pg_catalog.setval('public.availability_rules_key_seq', 1, true);
SELECT pg_catalog.setval('public.available_periods_key_seq', 1, true);
SELECT pg_catalog.setval('public.calendars_key_seq', 2, true);
SELECT pg_catalog.setval('public.clients_key_seq', 1, true);
SELECT pg_catalog.setval('public.events_key_seq', 2, true);
SELECT pg_catalog.setval('public.tokens_key_seq', 4, true);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_client_key_kind_external_id_key UNIQUE (client_key, kind, external_id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_profile_id_key UNIQUE (profile_id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_sub_key UNIQUE (sub);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.availability_rules
    ADD CONSTRAINT availability_rules_account_key_availability_rule_id_key UNIQUE (account_key, availability_rule_id);
ALTER TABLE ONLY public.availability_rules
    ADD CONSTRAINT availability_rules_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.available_periods
    ADD CONSTRAINT available_periods_account_key_available_period_id_key UNIQUE (account_key, available_period_id);
ALTER TABLE ONLY public.available_periods
    ADD CONSTRAINT available_periods_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.calendars
    ADD CONSTRAINT calendars_calendar_id_key UNIQUE (calendar_id);
ALTER TABLE ONLY public.calendars
    ADD CONSTRAINT calendars_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_client_id_key UNIQUE (client_id);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_secret_digest_key UNIQUE (secret_digest);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_calendar_key_event_id_key UNIQUE (calendar_key, event_id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_event_uid_key UNIQUE (event_uid);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_digest_key UNIQUE (digest);
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (key);
CREATE INDEX available_periods_by_end ON public.available_periods USING btree (account_key, ends_at, starts_at);
CREATE INDEX available_periods_by_start ON public.available_periods USING btree (account_key, starts_at, available_period_id);
CREATE INDEX calendars_account_key ON public.calendars USING btree (account_key);
CREATE INDEX events_blocking ON public.events USING btree (calendar_key, blocks, ends_at, starts_at, status);
CREATE INDEX events_by_start ON public.events USING btree (calendar_key, starts_at, event_uid);
CREATE INDEX tokens_account_key ON public.tokens USING btree (account_key);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_client_key_fkey FOREIGN KEY (client_key) REFERENCES public.clients(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.availability_rules
    ADD CONSTRAINT availability_rules_account_key_fkey FOREIGN KEY (account_key) REFERENCES public.accounts(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.available_periods
    ADD CONSTRAINT available_periods_account_key_fkey FOREIGN KEY (account_key) REFERENCES public.accounts(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.calendars
    ADD CONSTRAINT calendars_account_key_fkey FOREIGN KEY (account_key) REFERENCES public.accounts(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_calendar_key_fkey FOREIGN KEY (calendar_key) REFERENCES public.calendars(key) ON DELETE CASCADE;
ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_account_key_fkey FOREIGN KEY (account_key) REFERENCES public.accounts(key) ON DELETE CASCADE;

INSERT INTO user (username, password) VALUES
    ('test', 'pbkdf2:sha256:1000$mQaHrUqgYlEIh4RV$0951cef81fdbe6fb1eac1483e6f4655c807c391b31a42fef6dd9bb9fd5c73efa'),
    ('other', 'pbkdf2:sha256:1000$SuUAXlqY0qufHBu4$a42d924e96561bd9f1e9ccf1f05dd8a1d81b179102fa7c06c8da735b749cab69');

INSERT INTO post (title, body, author_id, created) VALUES
    ('test title', 'test' || x'0a' || 'body', 1, '2018-01-01 00:00:00'),
    ('by the other', '', 2, '2018-01-02 00:00:00');

-- The pages show when posts were made, in that order, and two apps are not asked at the same time.
CREATE TRIGGER made AFTER INSERT ON post BEGIN
    UPDATE post SET created = date('2019-01-01', '+' || new.id || ' days') WHERE id = new.id;
END;

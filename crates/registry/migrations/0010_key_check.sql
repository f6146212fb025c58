-- A value derived from the master key, by which another key is recognised. NULL until the first start of a version that writes it.
ALTER TABLE installation ADD COLUMN key_check BLOB;

-- Why a request was denied, in the words of who did.
ALTER TABLE requests ADD COLUMN closed_reason TEXT;

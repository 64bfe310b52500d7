package settings

// ReadDocument reads a JSON document into a struct by its json tags, as strictly as the settings are read: unknown
// keys, keys that stand twice and null are problems. root names the document in paths. What is not written stays as it
// is in into, which is a pointer.
func ReadDocument(raw []byte, into any, root string) Invalid {
	r := &report{}
	(decoder{r}).document(raw, into, root)
	_ = r.err() // sorts
	return r.problems
}

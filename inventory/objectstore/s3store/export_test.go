package s3store

// Anywhere lets what the environment names stand in for Amazon.
func Anywhere(o Options) Options {
	o.anywhere = true
	return o
}

package objectstore

import "context"

// Setting names one part of a bucket's configuration. Versioning and tags have
// methods of their own.
type Setting string

// The settings that S3 has.
const (
	Encryption     Setting = "encryption"
	Ownership      Setting = "ownership controls"
	PublicAccess   Setting = "public access block"
	ObjectLock     Setting = "object lock"
	CORS           Setting = "CORS"
	Website        Setting = "website"
	RequestPayment Setting = "request payment"
	Policy         Setting = "policy"
	Lifecycle      Setting = "lifecycle"
	Replication    Setting = "replication"
	Logging        Setting = "logging"
	Notifications  Setting = "notifications"
)

// Settings lists all settings in the order in which they are shown.
func Settings() []Setting {
	return []Setting{Encryption, Ownership, PublicAccess, ObjectLock, CORS, Website, RequestPayment, Policy, Lifecycle,
		Replication, Logging, Notifications}
}

// Configurer reads and writes buckets' settings. Values are JSON, equal for
// equal settings.
type Configurer interface {
	// Setting returns a bucket's setting, nil if it has none; ErrNotOffered if
	// the endpoint does not have such a thing.
	Setting(ctx context.Context, bucket string, s Setting) ([]byte, error)
	// SetSetting replaces a setting; a policy is removed by nil.
	SetSetting(ctx context.Context, bucket string, s Setting, value []byte) error
}

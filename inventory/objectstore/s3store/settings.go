package s3store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
)

// setting is how one setting is read and written. get returns nil where there
// is none; put decodes what get returned.
type setting struct {
	get func(ctx context.Context, c *s3.Client, bucket *string) (any, error)
	put func(ctx context.Context, c *s3.Client, bucket *string, value []byte) error
}

// decoded makes a put of a function that takes the decoded value.
func decoded[T any](
	put func(ctx context.Context, c *s3.Client, bucket *string, v *T) error,
) func(context.Context, *s3.Client, *string, []byte) error {
	return func(ctx context.Context, c *s3.Client, bucket *string, value []byte) error {
		v := new(T)
		if err := json.Unmarshal(value, v); err != nil {
			return fmt.Errorf("decode setting: %w", err)
		}
		return put(ctx, c, bucket, v)
	}
}

func settings(s objectstore.Setting) (setting, bool) {
	switch s {
	case objectstore.Encryption:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b})
				if err != nil || out.ServerSideEncryptionConfiguration == nil {
					return nil, err
				}
				return out.ServerSideEncryptionConfiguration, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.ServerSideEncryptionConfiguration) error {
				_, err := c.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: b, ServerSideEncryptionConfiguration: v})
				return err
			}),
		}, true
	case objectstore.Ownership:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})
				if err != nil || out.OwnershipControls == nil {
					return nil, err
				}
				return out.OwnershipControls, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.OwnershipControls) error {
				_, err := c.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: b, OwnershipControls: v})
				return err
			}),
		}, true
	case objectstore.PublicAccess:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})
				if err != nil || out.PublicAccessBlockConfiguration == nil {
					return nil, err
				}
				return out.PublicAccessBlockConfiguration, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.PublicAccessBlockConfiguration) error {
				_, err := c.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b, PublicAccessBlockConfiguration: v})
				return err
			}),
		}, true
	case objectstore.ObjectLock:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: b})
				if err != nil || out.ObjectLockConfiguration == nil || out.ObjectLockConfiguration.ObjectLockEnabled == "" {
					return nil, err
				}
				return out.ObjectLockConfiguration, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.ObjectLockConfiguration) error {
				_, err := c.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: b,
					ObjectLockConfiguration: v})
				return err
			}),
		}, true
	}
	return applicationSetting(s)
}

// applicationSetting has the settings that matter to those who use a bucket.
func applicationSetting(s objectstore.Setting) (setting, bool) {
	switch s {
	case objectstore.CORS:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b})
				if err != nil || len(out.CORSRules) == 0 {
					return nil, err
				}
				return types.CORSConfiguration{CORSRules: out.CORSRules}, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.CORSConfiguration) error {
				_, err := c.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: b, CORSConfiguration: v})
				return err
			}),
		}, true
	case objectstore.Website:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})
				if err != nil || out.IndexDocument == nil && out.ErrorDocument == nil && out.RedirectAllRequestsTo == nil &&
					len(out.RoutingRules) == 0 {
					return nil, err
				}
				return types.WebsiteConfiguration{IndexDocument: out.IndexDocument, ErrorDocument: out.ErrorDocument,
					RedirectAllRequestsTo: out.RedirectAllRequestsTo, RoutingRules: out.RoutingRules}, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.WebsiteConfiguration) error {
				_, err := c.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: b, WebsiteConfiguration: v})
				return err
			}),
		}, true
	case objectstore.RequestPayment:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: b})
				if err != nil || out.Payer != types.PayerRequester {
					return nil, err
				}
				return types.RequestPaymentConfiguration{Payer: out.Payer}, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *types.RequestPaymentConfiguration) error {
				_, err := c.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: b,
					RequestPaymentConfiguration: v})
				return err
			}),
		}, true
	case objectstore.Policy:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b})
				if err != nil || aws.ToString(out.Policy) == "" {
					return nil, err
				}
				return json.RawMessage(*out.Policy), nil
			},
			func(ctx context.Context, c *s3.Client, b *string, value []byte) error {
				if value == nil {
					_, err := c.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: b})
					return err
				}
				var text bytes.Buffer // policies have a limit of bytes
				if err := json.Compact(&text, value); err != nil {
					return err
				}
				_, err := c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(text.String())})
				return err
			},
		}, true
	case objectstore.Lifecycle:
		return setting{
			func(ctx context.Context, c *s3.Client, b *string) (any, error) {
				out, err := c.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})
				if err != nil || len(out.Rules) == 0 {
					return nil, err
				}
				return lifecycle{types.BucketLifecycleConfiguration{Rules: out.Rules}, out.TransitionDefaultMinimumObjectSize}, nil
			},
			decoded(func(ctx context.Context, c *s3.Client, b *string, v *lifecycle) error {
				_, err := c.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
					Bucket: b, LifecycleConfiguration: &v.BucketLifecycleConfiguration,
					TransitionDefaultMinimumObjectSize: v.TransitionDefaultMinimumObjectSize,
				})
				return err
			}),
		}, true
	}
	return foreignSetting(s)
}

// lifecycle is the rules, and from which size on objects change their class, which
// is told beside them in a header; servers that tell none are told none.
type lifecycle struct {
	types.BucketLifecycleConfiguration
	TransitionDefaultMinimumObjectSize types.TransitionDefaultMinimumObjectSize `json:",omitempty"`
}

// foreignSetting has the settings that name places outside of the bucket. They
// are read, and never written.
func foreignSetting(s objectstore.Setting) (setting, bool) {
	switch s {
	case objectstore.Replication:
		return setting{get: func(ctx context.Context, c *s3.Client, b *string) (any, error) {
			out, err := c.GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: b})
			if err != nil || out.ReplicationConfiguration == nil || len(out.ReplicationConfiguration.Rules) == 0 {
				return nil, err
			}
			return out.ReplicationConfiguration, nil
		}}, true
	case objectstore.Logging:
		return setting{get: func(ctx context.Context, c *s3.Client, b *string) (any, error) {
			out, err := c.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b})
			if err != nil || out.LoggingEnabled == nil {
				return nil, err
			}
			return out.LoggingEnabled, nil
		}}, true
	case objectstore.Notifications:
		return setting{get: func(ctx context.Context, c *s3.Client, b *string) (any, error) {
			out, err := c.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: b})
			if err != nil || out.EventBridgeConfiguration == nil && len(out.LambdaFunctionConfigurations)+len(
				out.QueueConfigurations)+len(out.TopicConfigurations) == 0 {
				return nil, err
			}
			return types.NotificationConfiguration{EventBridgeConfiguration: out.EventBridgeConfiguration,
				LambdaFunctionConfigurations: out.LambdaFunctionConfigurations, QueueConfigurations: out.QueueConfigurations,
				TopicConfigurations: out.TopicConfigurations}, nil
		}}, true
	}
	return setting{}, false
}

// Setting implements objectstore.Configurer.
func (s *Store) Setting(ctx context.Context, bucket string, name objectstore.Setting) ([]byte, error) {
	set, ok := settings(name)
	if !ok {
		return nil, fmt.Errorf("setting %q: %w", name, objectstore.ErrNotOffered)
	}
	value, err := set.get(ctx, s.client, &bucket)
	if err != nil {
		if err = s.fail("get "+string(name), bucket, err); notConfigured(err) {
			return nil, nil
		}
		return nil, err
	}
	if value == nil {
		return nil, nil
	}
	return canonical(value)
}

// SetSetting implements objectstore.Configurer.
func (s *Store) SetSetting(ctx context.Context, bucket string, name objectstore.Setting, value []byte) error {
	set, ok := settings(name)
	if !ok || set.put == nil {
		return fmt.Errorf("setting %q: %w", name, objectstore.ErrNotOffered)
	}
	return s.fail("set "+string(name), bucket, set.put(ctx, s.client, &bucket, value))
}

// canonical encodes a value without what is not set, its members in order. A
// policy is the user's own text and stays as it is.
func canonical(value any) ([]byte, error) {
	if text, ok := value.(json.RawMessage); ok {
		var b bytes.Buffer
		if err := json.Compact(&b, text); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	return json.Marshal(prune(tree))
}

func prune(tree any) any {
	switch t := tree.(type) {
	case map[string]any:
		for k, v := range t {
			if v = prune(v); v == nil {
				delete(t, k)
			} else {
				t[k] = v
			}
		}
	case []any:
		for i := range t {
			t[i] = prune(t[i])
		}
	}
	return tree
}

// notConfigured tells the errors with which S3 says that a bucket has no such
// setting (Amazon S3 API Reference, each operation's errors).
func notConfigured(err error) bool {
	var e *objectstore.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "NoSuchBucketPolicy", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration",
		"ServerSideEncryptionConfigurationNotFoundError",
		"NoSuchWebsiteConfiguration", "OwnershipControlsNotFoundError", "NoSuchPublicAccessBlockConfiguration",
		"ObjectLockConfigurationNotFoundError",
		"ReplicationConfigurationNotFoundError", "NoSuchObjectLockConfiguration":
		return true
	}
	return false
}

package azurestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Buckets implements objectstore.Administrator with the containers of all accounts of the
// region. What of some accounts was found comes with the error of others.
func (s *Store) Buckets(ctx context.Context) ([]objectstore.Bucket, error) {
	known, err := s.provider.accounts(ctx)
	if err != nil {
		return nil, err
	}
	var all []objectstore.Bucket
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(known)) {
		a := known[name]
		if a.odd != nil {
			failed = append(failed, &objectstore.Error{Op: listAccounts, Bucket: s.where(name), Err: a.odd})
			continue
		}
		if a.base == nil || s.region != "" && a.region != s.region {
			continue
		}
		found, err := s.containers(ctx, a)
		all = append(all, found...)
		if err != nil {
			failed = append(failed, err)
		}
	}
	return all, together(failed...)
}

// together makes one error of some, in one line. Nil ones are left out.
func together(some ...error) error {
	some = slices.DeleteFunc(some, func(err error) bool { return err == nil })
	if len(some) < 2 {
		return errors.Join(some...)
	}
	return several(some)
}

type several []error

func (s several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (s several) Unwrap() []error { return s }

// containers lists those of one account: by Resource Manager, to whom a reader of the
// subscription is known, else by the account itself.
func (s *Store) containers(ctx context.Context, a *account) ([]objectstore.Bucket, error) {
	if !a.proven() {
		return s.dataContainers(ctx, a)
	}
	m := s.provider.arm
	c := m.call(armContainers, http.MethodGet, a.id+"/blobServices/default/containers", a.name, readContainers)
	var all []objectstore.Bucket
	err := list(ctx, m, c, func(found armContainer) {
		if found.Properties.Deleted {
			return
		}
		all = append(all, objectstore.Bucket{Name: a.name + "." + found.Name, Region: a.region})
	})
	return all, err
}

// BucketRegion implements objectstore.Administrator.
func (s *Store) BucketRegion(ctx context.Context, bucket string) (string, error) {
	a, _, err := s.bucket(ctx, containerProperties, bucket)
	if err != nil {
		return "", err
	}
	if _, err := s.properties(ctx, bucket); err != nil {
		return "", err
	}
	return a.region, nil
}

// managed finds a bucket's account by Resource Manager, which alone knows what is asked for:
// ErrDenied where it cannot be asked.
func (s *Store) managed(ctx context.Context, op, bucket string, needs ...string) (*manager, *account, string, error) {
	a, container, err := s.bucket(ctx, op, bucket)
	if err != nil {
		return nil, nil, "", err
	}
	if !a.proven() {
		return nil, nil, "", &objectstore.Error{Op: op, Bucket: s.where(bucket), Kind: objectstore.ErrDenied, Needs: needs,
			Err: errors.New("only Azure Resource Manager tells, and it does not show us this account")}
	}
	return s.provider.arm, a, container, nil
}

// Versioning implements objectstore.Administrator. It is the account's: all of its containers
// keep versions, or none does. Of an account that no longer keeps any, old versions stay.
func (s *Store) Versioning(ctx context.Context, bucket string) (objectstore.Versioning, error) {
	service, err := s.service(ctx, bucket)
	if err != nil {
		return "", err
	}
	return service.versioning(), nil
}

func (s *armService) versioning() objectstore.Versioning {
	if s.Properties.IsVersioningEnabled {
		return objectstore.Enabled
	}
	return objectstore.Unversioned
}

func (s *Store) service(ctx context.Context, bucket string) (armService, error) {
	m, a, _, err := s.managed(ctx, getService, bucket, readService)
	if err != nil {
		return armService{}, err
	}
	a.service.forget()
	return m.service(ctx, a, bucket)
}

// service is what is remembered of an account's blob service.
func (m *manager) service(ctx context.Context, a *account, bucket string) (armService, error) {
	return a.service.get(ctx, m.send.now, func() (v armService, _ time.Duration, err error) {
		err = m.get(ctx, m.call(getService, http.MethodGet, a.id+servicePath, bucket, readService), &v)
		return v, memoTime, err
	})
}

const servicePath = "/blobServices/default"

// SetVersioning implements objectstore.Administrator, for all containers of the account. All
// other properties are written as they were read. Without versions is the same as suspended.
func (s *Store) SetVersioning(ctx context.Context, bucket string, v objectstore.Versioning) error {
	m, a, _, err := s.managed(ctx, setService, bucket, readService, writeService)
	if err != nil {
		return err
	}
	var found struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := m.get(ctx, m.call(getService, http.MethodGet, a.id+servicePath, bucket, readService), &found); err != nil {
		return err
	}
	want := fmt.Sprint(v == objectstore.Enabled)
	if string(found.Properties["isVersioningEnabled"]) == want {
		return nil
	}
	if found.Properties == nil {
		found.Properties = make(map[string]json.RawMessage, 1)
	}
	found.Properties["isVersioningEnabled"] = json.RawMessage(want)
	defer a.service.forget()
	return m.put(ctx, m.call(setService, http.MethodPut, a.id+servicePath, bucket, writeService), found)
}

// CreateBucket implements objectstore.Administrator with a container; its account must be
// there. A lock is version-level immutability, which Resource Manager gives a container when
// it is made, in an account that keeps versions ("Configure immutability policies for blob
// versions").
func (s *Store) CreateBucket(ctx context.Context, bucket string, lock bool) error {
	if !lock {
		return s.createContainer(ctx, bucket)
	}
	m, a, container, err := s.managed(ctx, createContainer, bucket, writeContainers)
	if err != nil {
		return err
	}
	// A PUT of one that is there changes it.
	switch _, err := s.properties(ctx, bucket); {
	case err == nil:
		return &objectstore.Error{Op: createContainer, Bucket: s.where(bucket), Kind: objectstore.ErrExists}
	case !errors.Is(err, objectstore.ErrNotFound):
		return err
	}
	c := m.call(createContainer, http.MethodPut, a.id+servicePath+"/containers/"+container, bucket, writeContainers)
	return m.put(ctx, c, map[string]any{"properties": map[string]any{
		"immutableStorageWithVersioning": map[string]bool{"enabled": true}}})
}

// DeleteBucket implements objectstore.Administrator. Azure deletes a container with all that
// is in it, and knows no condition on its being empty. So it must be empty, and the account
// must keep deleted containers for a while (container soft delete), so that what somebody
// writes between the look and the deletion can be had back; else ErrNotOffered.
func (s *Store) DeleteBucket(ctx context.Context, bucket string) error {
	fail := func(kind error, text string) error {
		return &objectstore.Error{Op: deleteContainer, Bucket: s.where(bucket), Kind: kind, Err: errors.New(text)}
	}
	service, err := s.service(ctx, bucket)
	if err != nil {
		return err
	}
	if !service.Properties.ContainerDeleteRetentionPolicy.Enabled {
		return fail(objectstore.ErrNotOffered, "Azure deletes a container with what others write meanwhile, and this "+
			"account keeps no deleted containers")
	}
	for _, err := range s.Versions(ctx, bucket, "", "") {
		if err != nil {
			return err
		}
		return fail(objectstore.ErrRejected, "it is not empty")
	}
	for _, err := range s.Uploads(ctx, bucket, "") {
		if err != nil {
			return err
		}
		return fail(objectstore.ErrRejected, "it has unfinished uploads")
	}
	return s.deleteContainer(ctx, bucket)
}

// Setting implements objectstore.Configurer: what S3 has of these, a container has otherwise or
// not at all.
func (s *Store) Setting(_ context.Context, bucket string, name objectstore.Setting) ([]byte, error) {
	return nil, s.noSetting(bucket, name)
}

// SetSetting implements objectstore.Configurer.
func (s *Store) SetSetting(_ context.Context, bucket string, name objectstore.Setting, _ []byte) error {
	return s.noSetting(bucket, name)
}

func (s *Store) noSetting(bucket string, name objectstore.Setting) error {
	return &objectstore.Error{Op: "bucket's " + string(name), Bucket: s.where(bucket), Kind: objectstore.ErrNotOffered}
}

// created reads a time of Resource Manager's; zero if it is none.
func created(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(text))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

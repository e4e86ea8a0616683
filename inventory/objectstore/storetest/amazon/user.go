package amazon

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
)

// User is an identity with an access key.
type User struct {
	Name      string // required; unique in the server
	Account   string // default: the server's first account
	Partition string // default: the server's
	Policy    string // its identity policy, as JSON; empty: may do nothing by itself
	Root      bool   // of the account: may do everything, without a policy

	AccessKey, SecretKey string // default: made of the name
}

// ARN is the user's Amazon Resource Name.
func (u *User) arn() string {
	if u.Root {
		return fmt.Sprintf("arn:%s:iam::%s:root", u.Partition, u.Account)
	}
	return fmt.Sprintf("arn:%s:iam::%s:user/%s", u.Partition, u.Account, u.Name)
}

// canonicalID is the name of an account in access control lists.
func canonicalID(account string) string {
	sum := sha256.Sum256([]byte("canonical " + account))
	return hex.EncodeToString(sum[:])
}

// user returns who has an access key in a partition, nil if nobody. The tests' own has
// it in each that has regions here.
func (s *Server) user(accessKey, partition string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.users, func(u *User) bool { return u.AccessKey == accessKey })
	switch {
	case i < 0:
		return nil
	case s.users[i].Partition == partition, s.users[i].Name == setup && s.has(partition):
		return s.users[i]
	}
	s.rules["partition"]++
	return nil
}

// has tells whether a partition has regions here.
func (s *Server) has(partition string) bool {
	return slices.ContainsFunc(s.options.Regions, func(r string) bool {
		p, _ := partitionOf(r)
		return p.id == partition
	})
}

// named returns a user; an unknown one is a mistake in the test: it panics.
func (s *Server) named(name string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.users, func(u *User) bool { return u.Name == name })
	if i < 0 {
		panic("amazon: no user " + name)
	}
	return s.users[i]
}

// AddUser adds a user to a running server.
func (s *Server) AddUser(u User) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enrol(u)
}

// enrol adds users once their policies are checked. The caller holds the lock, or is
// the only one.
func (s *Server) enrol(users ...User) error {
	for _, u := range users {
		if slices.ContainsFunc(s.users, func(v *User) bool { return v.Name == u.Name }) {
			return fmt.Errorf("amazon: two users %q", u.Name)
		}
		if u.Policy != "" {
			if _, err := parsePolicy(u.Policy); err != nil {
				return fmt.Errorf("amazon: user %s: %w", u.Name, err)
			}
		}
		s.users = append(s.users, u.complete(s.options))
		s.ledger[u.Name] = newLedger()
	}
	var profiles strings.Builder
	for _, u := range s.users {
		fmt.Fprintf(&profiles, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", u.Name, u.AccessKey,
			u.SecretKey)
	}
	return os.WriteFile(s.profiles(), []byte(profiles.String()), 0o600)
}

// complete fills in what a user leaves out.
func (u User) complete(o Options) *User {
	sum := sha256.Sum256([]byte("key of " + u.Name))
	u.Account, u.Partition = cmp.Or(u.Account, o.Account), cmp.Or(u.Partition, o.Partition)
	if u.AccessKey == "" {
		u.AccessKey = "AKIA" + strings.ToUpper(hex.EncodeToString(sum[:8]))
	}
	if u.SecretKey == "" {
		u.SecretKey = hex.EncodeToString(sum[8:28])
	}
	return &u
}

// Users returns the names of all users.
func (s *Server) Users() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, u := range s.users {
		names = append(names, u.Name)
	}
	return names
}

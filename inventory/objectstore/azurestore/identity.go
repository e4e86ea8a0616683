package azurestore

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

var (
	_ objectstore.Identifier = (*Store)(nil)
	_ objectstore.Timed      = (*Store)(nil)
)

// Caller implements objectstore.Identifier with what the token says of whom it is of ("Access
// token claims reference"). Nobody but the service can tell whether that is so, and it has
// taken the token or will not.
func (s *Store) Caller(ctx context.Context) objectstore.Caller {
	tokens := s.send.storage
	if s.provider.arm != nil {
		tokens = s.send.manager
	} else if len(s.send.keys) > 0 {
		return objectstore.Caller{Reason: "requests are authorized by the keys of accounts, which are nobody's"}
	}
	token, err := tokens.get(ctx)
	if err != nil {
		return objectstore.Caller{Reason: err.Error()}
	}
	who, err := claimsOf(token)
	if err != nil {
		return objectstore.Caller{Reason: err.Error()}
	}
	return objectstore.Caller{ARN: who}
}

var errToken = errors.New("the token does not say whose it is")

// claimsOf names the principal of a token.
func claimsOf(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errToken
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", errToken
	}
	var claims struct {
		Tenant   string `json:"tid"`
		Object   string `json:"oid"`
		App      string `json:"appid"`
		Resource string `json:"xms_mirid"` // of a managed identity
		Name     string `json:"upn"`
	}
	if json.Unmarshal(data, &claims) != nil || claims.Tenant == "" || claims.Object == "" {
		return "", errToken
	}
	who := cmp.Or(claims.Name, claims.Resource, "application "+claims.App)
	text := fmt.Sprintf("tenant %s, object %s (%s)", claims.Tenant, claims.Object, who)
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) || len(text) > 1000 {
		return "", errToken
	}
	return text, nil
}

// Time implements objectstore.Timed with the date of an answer about the accounts, or of the first
// account.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	c, err := s.smallest(ctx)
	if err != nil {
		return time.Time{}, err
	}
	_, h, err := s.send.document(ctx, c, maxPage)
	if err != nil {
		return time.Time{}, err
	}
	at := httpTime(h.Get("Date"))
	if at.IsZero() {
		return at, c.broken(errors.New("the answer has no date"))
	}
	return at, nil
}

// smallest is a request that the service answers to whoever may ask anything.
func (s *Store) smallest(ctx context.Context) (*call, error) {
	if m := s.provider.arm; m != nil {
		return m.call(listAccounts, http.MethodGet, m.id("/storageAccounts"), "subscription", readAccounts), nil
	}
	known, err := s.provider.accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if a := known[name]; a.base != nil && (s.region == "" || a.region == s.region) {
			query := url.Values{"comp": {"list"}, "maxresults": {"1"}}
			return s.dataCall(listContainers, http.MethodGet, a, "", "", query, readContainers), nil
		}
	}
	return nil, &objectstore.Error{Op: listContainers, Bucket: s.provider.name, Kind: objectstore.ErrNotFound,
		Err: errors.New("no account is in this region")}
}

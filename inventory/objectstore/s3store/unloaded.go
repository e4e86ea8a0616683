package s3store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// unloaded says what is wrong with the AWS settings of this machine, each by its own name:
// few of them are credentials.
func unloaded(err error) error {
	var profile config.SharedConfigProfileNotExistError
	var code config.AssumeRoleTokenProviderNotSetError
	var file *fs.PathError
	switch {
	case errors.As(err, &profile):
		return remedy.Wrap(fmt.Errorf("%w: there is no profile %s", objectstore.ErrSettings, profile.Profile),
			"name one of ~/.aws/config or ~/.aws/credentials, by profile: in the configuration or AWS_PROFILE")
	case errors.As(err, &code):
		return remedy.Wrap(fmt.Errorf("%w: the profile asks for a code (mfa_serial), and there is nobody to enter it",
			objectstore.ErrSettings), "get temporary credentials with the code first (aws sts assume-role or "+
			"get-session-token, --serial-number, --token-code), and name a profile that has them")
	case errors.As(err, &file):
		return remedy.Wrap(fmt.Errorf("%w: AWS_CA_BUNDLE, ca_bundle or another file that they name: %w",
			objectstore.ErrSettings, err), "correct the path, or unset it")
	case strings.Contains(err.Error(), "invalid value"):
		return remedy.Wrap(fmt.Errorf("%w: %w", objectstore.ErrSettings, err), "correct the variable, or unset it")
	}
	return fmt.Errorf("%w: %w", objectstore.ErrSettings, err)
}

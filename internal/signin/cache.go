package signin

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/zalando/go-keyring"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// Cache keeps people's sign-ins between runs. Its content is MSAL's own and
// holds refresh tokens.
type Cache interface {
	// Load returns what was saved last, nil if there is nothing.
	Load() ([]byte, error)
	// Save replaces it; nothing (nil) removes it.
	Save(data []byte) error
}

// MemoryCache forgets with the process.
type MemoryCache struct {
	mu   sync.Mutex
	data []byte
}

// Load returns what was saved last.
func (m *MemoryCache) Load() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.data), nil
}

// Save replaces it.
func (m *MemoryCache) Save(data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = bytes.Clone(data)
	return nil
}

// FileCache keeps sign-ins in a file that only its owner can read, encrypted with a key from the
// operating system's keyring (the Keychain, the Credential Manager, the Secret Service): MSAL's
// cache is too large for a keyring.
type FileCache struct{ Path string }

// The name of the key in the keyring.
const (
	keyService = "dbaudit"
	keyUser    = "sign-ins"
)

// cacheHeader begins the file and is authenticated with it.
const cacheHeader = "dbaudit sign-in cache 1\n"

// Load decrypts the file. A file that cannot be decrypted (its key is missing, or it is
// damaged) counts as absent.
func (f FileCache) Load() ([]byte, error) {
	sealed, err := bounds.ReadFile(bounds.Credential, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the saved sign-ins: %w", err)
	}
	key, err := fileKey(false)
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(sealed, []byte(cacheHeader))
	if key == nil || !ok {
		return nil, nil
	}
	data, err := key.Open(nil, nil, body, []byte(cacheHeader))
	if err != nil {
		return nil, nil //nolint:nilerr // it reads as none, see above
	}
	return data, nil
}

// Save encrypts data and puts it in the file's place in one step. Saving nothing
// removes file and key.
func (f FileCache) Save(data []byte) error {
	if len(data) == 0 {
		switch err := os.Remove(f.Path); {
		case errors.Is(err, fs.ErrNotExist):
			// Without a file, the key is of no use, and there may be no keyring to ask.
			_ = keyring.Delete(keyService, keyUser)
			return nil
		case err != nil:
			return fmt.Errorf("removing the saved sign-ins: %w", err)
		}
		if err := keyring.Delete(keyService, keyUser); err != nil && !errors.Is(err, keyring.ErrNotFound) {
			return fmt.Errorf("removing the key of the saved sign-ins from the keyring: %w", err)
		}
		return nil
	}
	key, err := fileKey(true)
	if err != nil {
		return err
	}
	sealed := key.Seal([]byte(cacheHeader), nil, data, []byte(cacheHeader))
	if err := replaceFile(f.Path, sealed); err != nil {
		return fmt.Errorf("saving the sign-in: %w", err)
	}
	return nil
}

// fileKey returns the cipher of the file, nil if no key exists and none should be
// created. The cipher writes a random nonce before the text.
func fileKey(create bool) (cipher.AEAD, error) {
	text, err := keyring.Get(keyService, keyUser)
	if err != nil && !errors.Is(err, keyring.ErrNotFound) {
		return nil, fmt.Errorf("asking the keyring for the key of the saved sign-ins: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != 32 {
		if !create {
			return nil, nil //nolint:nilnil // no key, and nothing wrong
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails, by its contract
		if err := keyring.Set(keyService, keyUser, base64.StdEncoding.EncodeToString(key)); err != nil {
			return nil, fmt.Errorf("putting the key of the saved sign-ins into the keyring: %w", err)
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// replaceFile writes a file completely or not at all, readable by its owner only.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".*") // made with 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}

// msalCache connects a Cache with MSAL. If the cache fails (no keyring, or a locked one), the
// sign-in continues and is kept in memory.
type msalCache struct {
	warn func(string)

	mu    sync.Mutex
	cache Cache
	last  []byte // what MSAL had to keep last
}

// Replace implements MSAL's cache.ExportReplace.
func (s *msalCache) Replace(_ context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := s.cache.Load()
	if err != nil {
		s.useMemory(err)
		data = s.last
	}
	if len(data) > 0 && into.Unmarshal(data) != nil {
		s.warn("the saved sign-ins cannot be read and are not used")
	}
	return nil
}

// Export implements MSAL's cache.ExportReplace.
func (s *msalCache) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	data, err := from.Marshal()
	if err != nil {
		return errors.New("the sign-in cannot be kept")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = data
	if err := s.cache.Save(data); err != nil {
		s.useMemory(err)
	}
	return nil
}

func (s *msalCache) useMemory(err error) {
	s.cache = &MemoryCache{data: s.last}
	s.warn("the sign-in is kept for this run only: " + dataverse.Printable(err.Error()))
}

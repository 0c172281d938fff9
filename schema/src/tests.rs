//! Values and stored forms.

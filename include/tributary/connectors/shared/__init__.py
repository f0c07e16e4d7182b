"""What several connectors share: shapes that come by more than one way. No connector is here."""

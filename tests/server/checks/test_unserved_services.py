"""`inturn-hub doctor` names the services that no counter serves."""

from __future__ import annotations

from server.administration import clinic_settings
from server.checks.database_health import service_findings
from tests.support.clinic import Clinic


def test_a_service_that_no_counter_serves_is_named(clinic: Clinic) -> None:
    engine = clinic.engine()
    with engine.connect() as connection:
        [found] = service_findings(connection)
    assert (found.level, found.check) == ("warning", "services")
    assert "No counter serves C (Pharmacy)." in found.text
    clinic_settings.set_counter(engine, "R2", {"services": "B,C"})
    with engine.connect() as connection:
        assert list(service_findings(connection)) == []
    engine.dispose()
